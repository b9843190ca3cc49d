"""Services of ECS, and container instances."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for name in ("service", "container_instance"):
        op.create_table(
            name,
            sa.Column("id", sa.String(length=32), nullable=False),
            sa.Column("account", sa.String(length=12), nullable=False),
            sa.Column("created", sa.Float(), nullable=False),
            sa.Column("details", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("id"),
        )
