"""Which log groups a query of CloudWatch Logs reads, which no call of the service tells."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "log_query",
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=256), nullable=False),
        sa.Column("started", sa.Float(), nullable=False),
        sa.Column("resources", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "region", "id"),
    )
    op.create_index("log_query_started", "log_query", ["started"], unique=False)
