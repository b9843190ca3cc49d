"""The tables of AWS Organizations. `account` is always the management account, which has one organization."""

from sqlalchemy import Column, Float, Index, String, Table, Text

from kansatsu.identity.metadata import metadata

organization = Table(
    "organization",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("id", String(34), nullable=False, unique=True),  # o-...
    Column("root", String(34), nullable=False, unique=True),  # r-...
    Column("feature_set", String(24), nullable=False),  # ALL | CONSOLIDATED_BILLING
    Column("created", Float, nullable=False),  # epoch seconds
    Column("types", Text, nullable=False),  # the enabled policy types, JSON
    Column("features", Text, nullable=False),  # IAM's features for root users of members, JSON
)

organization_unit = Table(
    "organization_unit",
    metadata,
    Column("id", String(68), primary_key=True),  # ou-...
    Column("account", String(12), nullable=False),
    Column("parent", String(68), nullable=False),
    Column("name", String(128), nullable=False),
    Column("created", Float, nullable=False),
    Index("organization_unit_parent", "parent", "name", unique=True),
    Index("organization_unit_account", "account"),
)

organization_member = Table(
    "organization_member",
    metadata,
    Column("member", String(12), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("parent", String(68), nullable=False),
    Column("name", String(50), nullable=False),
    Column("email", String(64), nullable=False),
    Column("email_key", String(64), nullable=False, unique=True),  # in lower case
    Column("status", String(24), nullable=False),  # ACTIVE | SUSPENDED
    Column("method", String(8), nullable=False),  # INVITED | CREATED
    Column("joined", Float, nullable=False),
    Index("organization_member_account", "account", "member"),
    Index("organization_member_parent", "parent"),
)

organization_policy = Table(
    "organization_policy",
    metadata,
    Column("id", String(130), primary_key=True),  # p-...
    Column("account", String(12), nullable=False),
    Column("type", String(40), nullable=False),
    Column("name", String(128), nullable=False),
    Column("description", String(512), nullable=False),
    Column("content", Text, nullable=False),
    Column("created", Float, nullable=False),
    Index("organization_policy_name", "account", "type", "name", unique=True),
)

# `target` is the id of a root, a unit or a member; AWS's own two policies are no rows, but are attached like others.
organization_attachment = Table(
    "organization_attachment",
    metadata,
    Column("policy", String(130), primary_key=True),
    Column("target", String(68), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("type", String(40), nullable=False),
    Index("organization_attachment_target", "target", "type"),
    Index("organization_attachment_account", "account"),
)

# Requests that took or take their time: accounts that were asked for, and invitations. `subject` is the account.
organization_request = Table(
    "organization_request",
    metadata,
    Column("id", String(40), primary_key=True),  # car-... | h-...
    Column("account", String(12), nullable=False),
    Column("kind", String(8), nullable=False),  # create | invite
    Column("subject", String(12), nullable=False),  # "" for an account that was not made
    Column("state", String(16), nullable=False),
    Column("created", Float, nullable=False),
    Column("ended", Float, nullable=False),  # when it ended or will expire
    Column("details", Text, nullable=False),  # JSON
    Index("organization_request_account", "account"),
    Index("organization_request_subject", "subject"),
)

# Which services may work in the organization, and which members stand for it with a service; `member` "": the former.
organization_service = Table(
    "organization_service",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("service", String(128), primary_key=True),
    Column("member", String(12), primary_key=True),
    Column("created", Float, nullable=False),
)

TABLES = (
    organization,
    organization_unit,
    organization_member,
    organization_policy,
    organization_attachment,
    organization_request,
    organization_service,
)
TAGGED = (organization.c.root, organization_unit.c.id, organization_member.c.member, organization_policy.c.id)
