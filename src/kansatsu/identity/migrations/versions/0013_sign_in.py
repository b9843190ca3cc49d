"""MaxSigninSessionDuration of a role, in seconds."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("entity", sa.Column("max_signin_duration", sa.Integer(), nullable=True))
