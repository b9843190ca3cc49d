"""AWS Organizations: the tree, the policies that hang on it, and what was asked of whom."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organization",
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("id", sa.String(length=34), nullable=False),
        sa.Column("root", sa.String(length=34), nullable=False),
        sa.Column("feature_set", sa.String(length=24), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("types", sa.Text(), nullable=False),
        sa.Column("features", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("root"),
    )
    op.create_table(
        "organization_unit",
        sa.Column("id", sa.String(length=68), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("parent", sa.String(length=68), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("organization_unit_parent", "organization_unit", ["parent", "name"], unique=True)
    op.create_index("organization_unit_account", "organization_unit", ["account"], unique=False)
    op.create_table(
        "organization_member",
        sa.Column("member", sa.String(length=12), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("parent", sa.String(length=68), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("email", sa.String(length=64), nullable=False),
        sa.Column("email_key", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("joined", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("member"),
        sa.UniqueConstraint("email_key"),
    )
    op.create_index("organization_member_account", "organization_member", ["account", "member"], unique=False)
    op.create_index("organization_member_parent", "organization_member", ["parent"], unique=False)
    op.create_table(
        "organization_policy",
        sa.Column("id", sa.String(length=130), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("description", sa.String(length=512), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("organization_policy_name", "organization_policy", ["account", "type", "name"], unique=True)
    op.create_table(
        "organization_attachment",
        sa.Column("policy", sa.String(length=130), nullable=False),
        sa.Column("target", sa.String(length=68), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("policy", "target"),
    )
    op.create_index("organization_attachment_target", "organization_attachment", ["target", "type"], unique=False)
    op.create_index("organization_attachment_account", "organization_attachment", ["account"], unique=False)
    op.create_table(
        "organization_request",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("ended", sa.Float(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("organization_request_account", "organization_request", ["account"], unique=False)
    op.create_index("organization_request_subject", "organization_request", ["subject"], unique=False)
    op.create_table(
        "organization_service",
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("service", sa.String(length=128), nullable=False),
        sa.Column("member", sa.String(length=12), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("account", "service", "member"),
    )
