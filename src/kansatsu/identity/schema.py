"""The tables. Every row belongs to an account; nothing here assumes that there is only one."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from kansatsu.identity import organization_tables  # noqa: F401 - the metadata have all tables
from kansatsu.identity.metadata import metadata as metadata  # noqa: PLC0414 - it is offered here too

# Users, groups and roles are one kind of thing: an owner of policies and tags. `id` is AWS's unique id (AIDA, AGPA,
# AROA), `name_key` the lower-cased name: names are unique per account without regard to case.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
entity = Table(
    "entity",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("kind", String(5), nullable=False),  # user | group | role
    Column("name", String(128), nullable=False),
    Column("name_key", String(128), nullable=False),
    Column("path", String(512), nullable=False),
    Column("created", Float, nullable=False),  # epoch seconds
    Column("boundary_arn", Text),
    Column("trust_document", Text),  # roles only, from here on
    Column("description", Text),
    Column("max_session_duration", Integer),  # seconds
    Column("max_signin_duration", Integer),  # seconds; NULL: unset
    Index("entity_name", "account", "kind", "name_key", unique=True),
)

policy = Table(
    "policy",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("name", String(128), nullable=False),
    Column("name_key", String(128), nullable=False),
    Column("path", String(512), nullable=False),
    Column("arn", String(700), nullable=False, unique=True),
    Column("description", Text),
    Column("created", Float, nullable=False),
    Column("updated", Float, nullable=False),
    Column("default_version", Integer, nullable=False),
    Column("next_version", Integer, nullable=False),
    Index("policy_name", "account", "name_key", unique=True),
)

policy_version = Table(
    "policy_version",
    metadata,
    Column("policy_id", String(32), ForeignKey("policy.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Text, nullable=False),
    Column("created", Float, nullable=False),
)

inline_policy = Table(
    "inline_policy",
    metadata,
    Column("entity_id", String(32), ForeignKey("entity.id"), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("document", Text, nullable=False),
)

# Managed policies by ARN, because AWS's own are not rows of ours.
attachment = Table(
    "attachment",
    metadata,
    Column("entity_id", String(32), ForeignKey("entity.id"), primary_key=True),
    Column("policy_arn", String(700), primary_key=True),
    Column("attached", Float, nullable=False),
    Index("attachment_policy", "policy_arn"),
)

membership = Table(
    "membership",
    metadata,
    Column("group_id", String(32), ForeignKey("entity.id"), primary_key=True),
    Column("user_id", String(32), ForeignKey("entity.id"), primary_key=True),
    Index("membership_user", "user_id"),
)

instance_profile = Table(
    "instance_profile",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("name", String(128), nullable=False),
    Column("name_key", String(128), nullable=False),
    Column("path", String(512), nullable=False),
    Column("created", Float, nullable=False),
    Column("role_id", String(32)),
    Index("instance_profile_name", "account", "name_key", unique=True),
    Index("instance_profile_role", "role_id"),
)

access_key = Table(
    "access_key",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("user_id", String(32), ForeignKey("entity.id"), nullable=False),
    Column("secret", LargeBinary, nullable=False),  # sealed, never in the clear
    Column("status", String(8), nullable=False),  # Active | Inactive
    Column("created", Float, nullable=False),
    Index("access_key_user", "user_id"),
)

# What proves who somebody is besides access keys: passwords, MFA devices, SSH keys, certificates. `owner` is a user, ""
# where there is none yet (an MFA device) or never (a server certificate); `name_key` is unique among those of a kind.
credential = Table(
    "credential",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("kind", String(16), nullable=False),  # see identity/credentials.py
    Column("owner", String(32), nullable=False),
    Column("name", String(768), nullable=False),
    Column("name_key", String(768), nullable=False),
    Column("status", String(8), nullable=False),  # Active | Inactive
    Column("created", Float, nullable=False),
    Column("secret", LargeBinary),  # sealed, never in the clear
    Column("details", Text, nullable=False),  # JSON
    Index("credential_name", "account", "kind", "name_key", unique=True),
    Index("credential_owner", "owner"),
)

# Tags of everything that has an id: users, roles, policies, profiles, instances, images.
tag = Table(
    "tag",
    metadata,
    Column("resource_id", String(64), primary_key=True),
    Column("key_lower", String(128), primary_key=True),  # IAM keys are unique without case; EC2 stores its key as is
    Column("key", String(128), nullable=False),
    Column("value", String(256), nullable=False),
)

# How many of each kind an account holds; the database keeps it by triggers, see identity/tally.py.
tally = Table(
    "tally",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("held", Integer, nullable=False),
)

# What changed, in order: snapshots drop just these entries. `id` is an entity, policy ARN, access key or profile id.
change = Table(
    "change",
    metadata,
    Column("revision", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("account", String(12), nullable=False),
    Column("kind", String(16), nullable=False),  # see identity/changes.py
    Column("id", String(700), nullable=False),
    sqlite_autoincrement=True,
)

# Keys that seal session tokens; each is itself sealed by the key-encryption key. Retired ones still open for 36 h.
sealing_key = Table(
    "sealing_key",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("material", LargeBinary, nullable=False),
    Column("created", Float, nullable=False),
    Column("retired", Float),
)

# Sessions are not stored; what is revoked is: those of a subject that were issued before a moment.
revocation = Table(
    "revocation",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("kind", String(12), primary_key=True),  # role | principal | association | instance
    Column("subject", String(64), primary_key=True),
    Column("before", Float, nullable=False),
)

# Last use: a maximum per key, so that duplicates, late and out-of-order events are harmless.
last_access = Table(
    "last_access",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("principal_id", String(32), primary_key=True),
    Column("access_key_id", String(32), primary_key=True),  # long-term key; "" for sessions
    Column("service", String(64), primary_key=True),
    Column("action", String(128), primary_key=True),
    Column("region", String(32), primary_key=True),
    Column("last", Float, nullable=False),
    Column("allowed", Integer, nullable=False),  # of the last event: 1 allowed, 0 denied
    Column("count", BigInteger, nullable=False),
    Index("last_access_principal", "principal_id", "last"),
    Index("last_access_key", "access_key_id", "last"),
)

# Reports of last access: what GenerateServiceLastAccessedDetails found, for whom (the unique id of a user or role).
access_report = Table(
    "access_report",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("owner", String(32), nullable=False),
    Column("granularity", String(16), nullable=False),
    Column("created", Float, nullable=False),
    Column("completed", Float, nullable=False),
    Column("services", LargeBinary, nullable=False),  # compressed JSON, see advisor/reports.py
    Column("entities", LargeBinary, nullable=False),
    Index("access_report_account", "account", "created"),
)

# Changes of policies that were made on evidence: what was before and after them, and the replay that they rest on.
policy_commit = Table(
    "policy_commit",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("arn", String(700), nullable=False),
    Column("time", Float, nullable=False),
    Column("by", String(700), nullable=False),
    Column("before", Text, nullable=False),  # JSON: what hung on the ARN, see services/kansatsu/commits.py
    Column("after", Text, nullable=False),
    Column("steps", Text, nullable=False),  # JSON: the operations of IAM, in words
    Column("evidence", Text, nullable=False),  # JSON: the replay
    Column("rolled_back", Float),
    Index("policy_commit_account", "account", "time"),
)

# Small facts about this installation: schema of the data directory, how far segments were read.
setting = Table(
    "setting",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# EC2: an instance is a container or a process that has an identity. `state` is AWS's (pending, running, ...).
instance = Table(
    "instance",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("region", String(32), nullable=False),
    Column("provider", String(16), nullable=False),  # container | process
    Column("reference", String(128), nullable=False),  # the container id; for a process its handle
    Column("adopted", Integer, nullable=False),  # 1: it ran before us; stop and terminate are not ours to do
    Column("state", String(16), nullable=False),
    Column("launched", Float, nullable=False),
    Column("ended", Float),
    Column("client_token", String(64)),
    Column("node", String(32), nullable=False, server_default=""),  # of several: the one on whose host it runs
    Column("details", Text, nullable=False),  # JSON: image, type, subnet, metadata options, addresses, reasons
    Index("instance_reference", "provider", "reference"),
)

association = Table(
    "association",
    metadata,
    Column("id", String(32), primary_key=True),  # iip-assoc-...
    Column("account", String(12), nullable=False),
    Column("instance_id", String(24), nullable=False),
    Column("profile_id", String(32), nullable=False),
    Column("profile_arn", String(700), nullable=False),
    Column("state", String(16), nullable=False),  # associating | associated | disassociating | disassociated
    Column("changed", Float, nullable=False),
    Index("association_instance", "instance_id"),
)

# ECS: clusters, and revisions of task definitions. A row stays when it is deleted (INACTIVE): running tasks name it.
cluster = Table(
    "cluster",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("region", String(32), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("status", String(16), nullable=False),  # ACTIVE | INACTIVE
    Column("tags", Text, nullable=False),  # JSON object
)

task_definition = Table(
    "task_definition",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("region", String(32), primary_key=True),
    Column("family", String(255), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("status", String(16), nullable=False),  # ACTIVE | INACTIVE
    Column("registered", Float, nullable=False),
    Column("registered_by", Text, nullable=False),  # ARN
    Column("deregistered", Float),
    Column("document", Text, nullable=False),  # JSON: the request, by AWS's names, without its tags
    Column("tags", Text, nullable=False),  # JSON object
)

# A task is a row for an hour after its end; all that is not searched by is in its details.
task = Table(
    "task",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("created", Float, nullable=False),
    Column("node", String(32), nullable=False, server_default=""),
    Column("details", Text, nullable=False),  # JSON: see workload/tasks/task.py
)

# Services of ECS, and the hosts that their tasks run on: see workload/tasks/service.py and workload/tasks/hosts.py.
service = Table(
    "service",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("created", Float, nullable=False),
    Column("node", String(32), nullable=False, server_default=""),
    Column("details", Text, nullable=False),  # JSON
)

account_setting = Table(
    "account_setting",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("created", Float, nullable=False),
    Column("details", Text, nullable=False),  # JSON: see services/ecs/account_settings.py
)

container_instance = Table(
    "container_instance",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("created", Float, nullable=False),
    Column("node", String(32), nullable=False, server_default=""),
    Column("details", Text, nullable=False),  # JSON
)

# What a backend delivers by itself, for which the policy of its target must stay.
delivery = Table(
    "delivery",
    metadata,
    Column("id", String(64), primary_key=True),  # SHA-256 of the rest
    Column("account", String(12), nullable=False),
    Column("holder", Text, nullable=False),  # ARN of what holds the target's policy
    Column("details", Text, nullable=False),  # JSON: see gateway/standing.py
    Index("delivery_holder", "account", "holder"),
)

# Which log groups a query of CloudWatch Logs reads.
log_query = Table(
    "log_query",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("id", String(256), primary_key=True),
    Column("started", Float, nullable=False),
    Column("resources", Text, nullable=False),  # ARNs, a line each
    Index("log_query_started", "started"),
)
