"""AWS's own reports of last access, as saved JSON: evidence for the 400 days before a trail began, and for data events.

    aws iam generate-service-last-accessed-details --arn ARN --granularity ACTION_LEVEL
    aws iam get-service-last-accessed-details --job-id ID > NAME.json

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLastAccessedDetails.html
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import msgspec

from kansatsu.advisor.account import Account, Entity, named
from kansatsu.advisor.logs.evidence import Told

_Time = Annotated[datetime, msgspec.Meta(tz=True)]


class _Action(msgspec.Struct):
    ActionName: str
    LastAccessedTime: _Time | None = None
    LastAccessedEntity: str | None = None


class _Service(msgspec.Struct):
    ServiceNamespace: str
    LastAuthenticated: _Time | None = None
    LastAuthenticatedEntity: str | None = None
    TrackedActionsLastAccessed: list[_Action] = []


class _Report(msgspec.Struct):
    JobStatus: str
    ServicesLastAccessed: list[_Service]
    JobCompletionDate: _Time | None = None
    IsTruncated: bool = False
    Arn: str | None = None  # not AWS's: who saves reports by a program may say whose it is


_decoder = msgspec.json.Decoder(_Report)
_UNTOLD = "whose report it is cannot be told: name the file user-NAME.json or role-NAME.json"


def read(paths: Iterable[Path], account: Account) -> tuple[list[Told], list[tuple[str, str]]]:
    """Reports from files and directories of *.json, and those that are of no use, with why."""
    found: list[Told] = []
    bad: list[tuple[str, str]] = []
    for file in files(paths):
        try:
            found.append(_told(file, account))
        except OSError as error:
            bad.append((str(file), f"cannot be read: {error.strerror}"))
        except (ValueError, RecursionError) as error:  # msgspec's are such
            bad.append((str(file), " ".join(str(error).split())))
    return found, bad


def files(paths: Iterable[Path]) -> list[Path]:
    """Those files themselves."""
    return [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else (path,))]


def _told(file: Path, account: Account) -> Told:
    """Raises ValueError with a sentence, OSError."""
    report = _decoder.decode(file.read_bytes())
    if report.JobStatus != "COMPLETED":
        raise ValueError(f"its job is {report.JobStatus}")
    if report.IsTruncated:
        raise ValueError("it is only the first page; ask for all with --max-items 1000")
    entity = _whose(report, file, account)
    if entity is None:
        raise ValueError(_UNTOLD)
    if entity.who.kind == "group":
        raise ValueError("it is of a group: use is told of users and roles")
    made = report.JobCompletionDate.timestamp() if report.JobCompletionDate else file.stat().st_mtime
    return Told(
        arn=entity.who.arn,
        file=str(file),
        made=made,
        services={item.ServiceNamespace: _seconds(item.LastAuthenticated) for item in report.ServicesLastAccessed},
        actions={
            item.ServiceNamespace: {
                action.ActionName: _seconds(action.LastAccessedTime) for action in item.TrackedActionsLastAccessed
            }
            for item in report.ServicesLastAccessed
            if item.TrackedActionsLastAccessed
        },
    )


def _seconds(time: datetime | None) -> float:
    return time.timestamp() if time is not None else 0.0


def _whose(report: _Report, file: Path, account: Account) -> Entity | None:
    """The report itself names nobody but who used a service last: of a user's or role's own report that is its owner.

    INVARIANT: a name that several have tells nobody: use of one must not hide that the other's is unknown.
    """
    if report.Arn is not None:
        return account.entities.get(report.Arn)
    stem = unquote(file.name.removesuffix(".json"))
    kind, _, name = stem.partition("-")
    if (entity := named(account, f"{kind}/{name}") or account.entities.get(stem)) is not None:
        return entity
    alike = [item for item in account.people() if stem in {item.who.name, item.who.id}]
    if len(alike) == 1:
        return alike[0]
    users = set(_users(report))
    return account.entities.get(users.pop()) if len(users) == 1 else None


def _users(report: _Report) -> Iterator[str]:
    return (item.LastAuthenticatedEntity for item in report.ServicesLastAccessed if item.LastAuthenticatedEntity)
