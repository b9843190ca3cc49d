"""The credential report: who has which long-term credentials, how old they are and when they were last used.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from kansatsu import arn
from kansatsu.errors import AwsError
from kansatsu.identity import accounts, credentials, entities, keys, passwords, reports
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call

LIFE = 4 * 3600  # seconds: so long is a report given out, and generated no second time
_KEY = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
COLUMNS = (
    *("user", "arn", "user_creation_time"),
    *("password_enabled", "password_last_used", "password_last_changed", "password_next_rotation", "mfa_active"),
    *(f"access_key_{number}_{what}" for number in (1, 2) for what in _KEY),
    *(f"cert_{number}_{what}" for number in (1, 2) for what in ("active", "last_rotated")),
)
_NO, _NONE = "false", "N/A"
_NO_KEY = (_NO, _NONE, _NONE, _NONE, _NONE)
_NO_CERTIFICATES = (_NO, _NONE) * 2
_PAGE = 1000
_KEYS = 2  # of a user, as the report has columns for


@iam("GenerateCredentialReport", _resources.everything, slow=True)
def generate_credential_report(call: Call) -> dict[str, Any]:
    """Done at once, so it never says STARTED; within four hours of the last one it is that one, as on AWS.

    INVARIANT: while it is put together nobody waits who writes.
    """
    now = int(call.now.timestamp())
    if not _is_fresh(call.conn, call.account, now):
        made = reports.Report(now, _content(call))
        with call.store.write() as conn:
            if not _is_fresh(conn, call.account, now):  # another node's
                reports.put(conn, call.account, made)
    return {"State": "COMPLETE"}


def _is_fresh(conn: Connection, account: str, now: int) -> bool:
    known = reports.find(conn, account)
    return known is not None and now < known.generated + LIFE


@iam("GetCredentialReport", _resources.everything)
def get_credential_report(call: Call) -> dict[str, Any]:
    known = reports.find(call.conn, call.account)
    if known is None:
        raise AwsError("The credential report does not exist.", code="ReportNotPresent", status=410)
    if call.now.timestamp() >= known.generated + LIFE:
        raise AwsError("The most recent credential report has expired.", code="ReportExpired", status=410)
    return {
        "Content": known.content.encode(),
        "ReportFormat": "text/csv",
        "GeneratedTime": _render.when(known.generated),
    }


def _content(call: Call) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerow(_root(call))
    writer.writerows(_row(call, user) for user in _users(call))
    return text.getvalue().removesuffix("\n")


def _users(call: Call) -> Iterator[Entity]:
    after: str | None = ""
    while after is not None:
        page = entities.listing(call.conn, call.account, "user", "/", Cursor("users", after, _PAGE))
        yield from page.items
        after = page.items[-1].name.lower() if page.marker is not None else None


def _root(call: Call) -> tuple[str, ...]:
    """The root user, which cannot sign in here, but may have keys."""
    opened = {account.id: account.created for account in accounts.listing(call.conn)}
    created = _time(opened[call.account]) if call.account in opened else _NONE
    held = [_key(call, key) for key in keys.of_root(call.conn, call.account)]
    first, second = [*held, _NO_KEY, _NO_KEY][:_KEYS]
    unknown = ("not_supported", "no_information", "not_supported", "not_supported", _NO)
    return (
        "<root_account>", arn.iam(call.account, "root"), created, *unknown, *first, *second, *_NO_CERTIFICATES,
    )  # fmt: skip


def _row(call: Call, user: Entity) -> tuple[str, ...]:
    held = [_key(call, key) for key in keys.of(call.conn, user)]
    first, second = [*held, _NO_KEY, _NO_KEY][:_KEYS]
    shown = credentials.owned(call.conn, user.id, "certificate")
    states = [("true" if item.status == "Active" else _NO, _time(item.created)) for item in shown]
    certificates = [value for state in states for value in state] + list(_NO_CERTIFICATES[2 * len(states) :])
    return (user.name, user.arn, _time(user.created), *_sign_in(call, user), *first, *second, *certificates)


def _sign_in(call: Call, user: Entity) -> tuple[str, ...]:
    """password_enabled to mfa_active."""
    mfa = "true" if credentials.owned(call.conn, user.id, "mfa") else _NO
    profile = next(iter(credentials.owned(call.conn, user.id, "password")), None)
    if profile is None:
        return _NO, _NONE, _NONE, _NONE, mfa
    changed = profile.details["changed"]
    rules = passwords.policy(call.conn, call.account)
    age = rules.max_password_age if rules is not None else 0
    used = profile.details.get("used")
    return (
        "true",
        _time(used) if used else "no_information",
        _time(changed),
        _time(changed + age * 86400) if age else _NONE,
        mfa,
    )


def _key(call: Call, key: keys.Key) -> tuple[str, ...]:
    last = call.recorder.key_last_used(key.id)
    used = (_time(last.time), last.region, last.service) if last is not None else (_NONE, _NONE, _NONE)
    return ("true" if key.status == "Active" else _NO, _time(key.created), *used)


def _time(seconds: float) -> str:
    return _render.when(seconds).isoformat()
