"""Whether session tokens of the global endpoint are good in every Region (version 2), as each account chose.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetSecurityTokenServicePreferences.html
"""

from sqlalchemy import Connection, delete, insert, select

from kansatsu.identity.schema import setting
from kansatsu.identity.sessions import Session

EVERYWHERE, BY_DEFAULT = 2, 1
_GLOBAL_ENDPOINT = "sts.amazonaws.com"
MARK = "regions"  # in the source of a session that the global endpoint issued
# As AWS says, a token of version 2 is the longer one.
_MARKS = {BY_DEFAULT: "default", EVERYWHERE: "default and enabled"}
# Those that an account has without enabling them; AWS adds no further ones.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
REGIONS = frozenset(
    """us-east-1 us-east-2 us-west-1 us-west-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1
    ap-southeast-2 ca-central-1 eu-central-1 eu-north-1 eu-west-1 eu-west-2 eu-west-3 sa-east-1""".split()  # noqa: SIM905
)


def name_of(account: str) -> str:
    """The setting of an account."""
    return f"token-version:{account}"


def of(conn: Connection, account: str) -> int:
    """1 until the account chooses."""
    value: str | None = conn.execute(select(setting.c.value).where(setting.c.name == name_of(account))).scalar()
    return int(value) if value is not None else BY_DEFAULT


def put(conn: Connection, account: str, version: int) -> None:
    """Of the tokens that are issued from now on."""
    conn.execute(delete(setting).where(setting.c.name == name_of(account)))
    conn.execute(insert(setting), {"name": name_of(account), "value": str(version)})


def is_global(host: str) -> bool:
    """Is this the endpoint of STS that has no Region in its name?"""
    return host.partition(":")[0].lower() == _GLOBAL_ENDPOINT


def mark(conn: Connection, account: str) -> dict[str, str]:
    """What to add to the source of a session that the global endpoint issues."""
    return {MARK: _MARKS[of(conn, account)]}


def good_in(session: Session, region: str) -> bool:
    """INVARIANT: a token of version 1 opens nothing in a Region that has to be enabled."""
    return session.source.get(MARK) in (None, _MARKS[EVERYWHERE]) or region in REGIONS
