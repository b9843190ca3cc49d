"""How many of each kind an account holds; identity/tally.py makes the triggers that keep it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_COUNTS = (
    "SELECT account, kind, count(*) FROM entity GROUP BY account, kind",
    "SELECT account, kind, count(*) FROM credential GROUP BY account, kind",
    "SELECT account, 'policy', count(*) FROM policy GROUP BY account",
    "SELECT account, 'instance-profile', count(*) FROM instance_profile GROUP BY account",
)


def upgrade() -> None:
    op.create_table(
        "tally",
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account", "kind"),
    )
    for counts in _COUNTS:
        op.execute(f"INSERT INTO tally (account, kind, held) {counts}")
