"""Changes of policies that were made on evidence: what was before them, so that they can be taken back in one step."""

import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from kansatsu.errors import AwsError
from kansatsu.identity.schema import policy_commit

LISTED = 100


@dataclass(frozen=True, slots=True)
class Commit:
    """A change; `before` and `after` are states as JSON, `evidence` a replay; times are epoch seconds."""

    id: str
    account: str
    arn: str
    time: float
    by: str
    before: str
    after: str
    steps: str
    evidence: str
    rolled_back: float | None = None


def keep(
    conn: Connection,
    account: str,
    arn: str,
    *,
    time: float,
    by: str,
    before: str,
    after: str,
    steps: str,
    evidence: str,
) -> Commit:
    """Keep a change that is made in the same transaction."""
    made = Commit(str(uuid.uuid4()), account, arn, time, by, before, after, steps, evidence)
    conn.execute(insert(policy_commit), {column.name: getattr(made, column.name) for column in policy_commit.columns})
    return made


def get(conn: Connection, account: str, id: str) -> Commit:
    """A commit of the account. Raises NoSuchCommit (404), also for one of another account."""
    table = policy_commit.c
    row = conn.execute(select(policy_commit).where(table.id == id, table.account == account)).first()
    if row is None:
        raise AwsError(f"There is no commit {id} in account {account}.", code="NoSuchCommit", status=404)
    return Commit(*row)


def listing(conn: Connection, account: str, arn: str | None) -> list[Commit]:
    """The newest commits of the account, or of one ARN in it, the newest first."""
    query = select(policy_commit).where(policy_commit.c.account == account)
    if arn is not None:
        query = query.where(policy_commit.c.arn == arn)
    query = query.order_by(policy_commit.c.time.desc(), policy_commit.c.id).limit(LISTED)
    return [Commit(*row) for row in conn.execute(query)]


def rolled_back(conn: Connection, made: Commit, time: float) -> None:
    """Note that a commit was taken back. Raises PolicyCommitRolledBack (409) when it was before."""
    unless = policy_commit.c.id == made.id, policy_commit.c.rolled_back.is_(None)
    if conn.execute(update(policy_commit).where(*unless).values(rolled_back=time)).rowcount == 0:
        raise AwsError(f"The commit {made.id} was rolled back already.", code="PolicyCommitRolledBack", status=409)
