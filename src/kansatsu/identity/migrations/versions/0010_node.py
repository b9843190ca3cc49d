"""Of several nodes on one database each looks after the workloads of its own host."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("instance", "task", "service", "container_instance"):
        op.add_column(table, sa.Column("node", sa.String(length=32), server_default="", nullable=False))
