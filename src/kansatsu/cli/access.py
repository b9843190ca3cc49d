"""`kansatsu access`: what a user, group, role or policy allows, when that was last tried, and who granted it."""

import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from kansatsu.cli import client, options
from kansatsu.cli.names import arn_of, meant
from kansatsu.cli.output import Exit, Failure, Row, again, emit, example, hint, output_option, say
from kansatsu.cli.values import nearest

_COLUMNS = {
    "services": ["service", "name", "last-accessed", "by", "region", "entities"],
    "actions": ["action", "last-accessed", "by", "region", "note"],
    "entities": ["entity", "type", "last-accessed"],
    "policies": ["policy", "type", "attached-to"],
}
_NEVER, _UNKNOWN = "not accessed", "unknown"  # the latter where a report of logs cannot tell
_AGO = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (0.0, "s"))
_POLL = 0.2  # seconds between questions whether a report is ready; Kansatsu's own are at once


@click.command(epilog=example("kansatsu access role/app --policies s3"))
@click.argument("arn")
@click.option("--actions", is_flag=True, help="The actions of each service, not only services.")
@click.option("--entities", metavar="SERVICE", help="The users and roles that it lets use SERVICE (s3).")
@click.option("--policies", metavar="SERVICE", help="The policies that grant SERVICE to a user, group or role.")
@click.option(
    "--from",
    "report",
    metavar="REPORT",
    type=click.Path(path_type=Path),
    help="Ask a report of `kansatsu analyze`, not a server.",
)
@click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files.")
@output_option
@options.where_options
def access(
    arn: str, actions: bool, entities: str | None, policies: str | None, report: Path | None, profile: str | None,
    form: str, **given: Any,
) -> None:  # fmt: skip
    """Show what ARN allows and when that was last tried: what nobody ever tried comes first.

    ARN is that of a user, group, role or managed policy, or user/NAME, group/NAME, role/NAME or policy/NAME, or a NAME
    that only one of them has.
    """
    if bool(actions) + bool(entities) + bool(policies) > 1:
        raise Failure("Give one of --actions, --entities and --policies.", Exit.USAGE)
    iam = _server_or(report, profile, given)
    _check_service(entities or policies)
    with meant(lambda: iam, arn):
        arn = arn_of(iam, arn)
        if policies:
            kind, rows = "policies", _policies(iam, arn, policies)
        elif entities:
            kind, rows = "entities", _entities(iam, arn, entities)
        else:
            kind = "actions" if actions else "services"
            rows = list((_actions if actions else _services)(_report(iam, arn, actions)))
    if kind != "policies":
        rows = _unused_first(rows)
    emit(_readable(rows, form), _COLUMNS[kind], form)
    if not rows:
        say(_NOTHING[kind])
    elif following := _next(arn, kind, rows, entities or policies or ""):
        hint(
            following + (f" --from {shlex.quote(str(report))}" if report and "kansatsu access" in following else ""),
            form,
        )


def _check_service(name: str | None) -> None:
    from kansatsu.catalog import tracking

    if name is not None and name not in (known := tracking.services()):
        raise Failure(f"InvalidInput: Invalid service namespace: {name}{nearest(name, known)}")


def _server_or(report: Path | None, profile: str | None, given: Mapping[str, Any]) -> Any:
    """A client of IAM, or a report that answers like one and says what it cannot know."""
    if report is None:
        return client.connect(options.load(**given).settings, "iam", profile)
    if profile is not None:
        raise Failure("Give --profile or --from, not both.", Exit.USAGE)
    from kansatsu.advisor.logs.gaps import gaps
    from kansatsu.cli import offline

    found = offline.open_report(report)
    for gap in gaps(found.evidence, found.account):
        say(gap)
    return found


_NOTHING = {
    "services": "No identity-based policy there allows anything.",
    "actions": "No identity-based policy there allows an action whose use can be seen.",
    "entities": "Nobody may use the service by these policies.",
    "policies": "No identity-based policy of it grants the service.",
}


def _job(iam: Any, arn: str, granularity: str) -> str:
    return str(iam.generate_service_last_accessed_details(Arn=arn, Granularity=granularity)["JobId"])


def _pages(call: Callable[..., Any], member: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
    """All that a report says, once it is ready. Ends the command with exit 1 when it has failed."""
    while True:
        page = call(MaxItems=1000, **asked)
        if page["JobStatus"] == "IN_PROGRESS":
            time.sleep(_POLL)
            continue
        if page["JobStatus"] == "FAILED":
            raise Failure("The report failed: {Code}: {Message}".format(**page["Error"]))
        yield from page[member]
        if not page.get("IsTruncated"):
            return
        asked["Marker"] = page["Marker"]


def _report(iam: Any, arn: str, actions: bool) -> Iterator[Mapping[str, Any]]:
    job = _job(iam, arn, "ACTION_LEVEL" if actions else "SERVICE_LEVEL")
    return _pages(iam.get_service_last_accessed_details, "ServicesLastAccessed", JobId=job)


def _services(found: Iterator[Mapping[str, Any]]) -> Iterator[Row]:
    for item in found:
        yield {
            "service": item["ServiceNamespace"],
            "name": item["ServiceName"],
            "last-accessed": _UNKNOWN if item.get("Unknown") else item.get("LastAuthenticated"),
            "by": item.get("LastAuthenticatedEntity"),
            "region": item.get("LastAuthenticatedRegion"),
            "entities": item.get("TotalAuthenticatedEntities", 0),
        }


def _actions(found: Iterator[Mapping[str, Any]]) -> Iterator[Row]:
    for item in found:
        service = item["ServiceNamespace"]
        for action in item.get("TrackedActionsLastAccessed", ()):
            yield {
                "action": f"{service}:{action['ActionName']}",
                "last-accessed": action.get("LastAccessedTime"),
                "by": action.get("LastAccessedEntity"),
                "region": action.get("LastAccessedRegion"),
                "note": _note(service, action["ActionName"]),
            }


def _note(service: str, action: str) -> str | None:
    """How its use is known, where that is not as on AWS."""
    from kansatsu.catalog import cloudtrail

    if (service, action) == ("iam", "PassRole"):
        return "inferred"
    return "beyond AWS" if cloudtrail.is_data_event(service, action) else None


def _entities(iam: Any, arn: str, service: str) -> list[Row]:
    job = _job(iam, arn, "SERVICE_LEVEL")
    call = iam.get_service_last_accessed_details_with_entities
    found = _pages(call, "EntityDetailsList", JobId=job, ServiceNamespace=service)
    return [
        {
            "entity": item["EntityInfo"]["Arn"],
            "type": item["EntityInfo"]["Type"].lower(),
            "last-accessed": _UNKNOWN if item.get("Unknown") else item.get("LastAuthenticated"),
        }
        for item in found
    ]


def _policies(iam: Any, arn: str, service: str) -> list[Row]:
    """A managed policy by its ARN, an inline one by its name, and who holds it: the entity or a user's groups."""
    answer = iam.list_policies_granting_service_access(Arn=arn, ServiceNamespaces=[service])
    found = [item for granted in answer["PoliciesGrantingServiceAccess"] for item in granted["Policies"]]
    holders = _holders(iam, arn) if any("PolicyArn" in item for item in found) else {}
    return [
        {
            "policy": item.get("PolicyArn") or item["PolicyName"],
            "type": item["PolicyType"].lower(),
            "attached-to": f"{item['EntityType'].lower()}/{item['EntityName']}"
            if "EntityName" in item
            else ", ".join(holders.get(item["PolicyArn"], ())) or None,
        }
        for item in found
    ]


def _holders(iam: Any, arn: str) -> dict[str, list[str]]:
    """Managed policy -> the entity and the user's groups that it is attached to, which IAM's report leaves out."""
    from botocore.exceptions import ClientError

    kind, name = arn.split(":")[5].partition("/")[0], arn.rpartition("/")[2]
    found: dict[str, list[str]] = {}
    try:
        entities = [(kind, name)]
        if kind == "user":
            pages = iam.get_paginator("list_groups_for_user").paginate(UserName=name)
            entities += [("group", group["GroupName"]) for page in pages for group in page["Groups"]]
        for each, called in entities:
            pages = iam.get_paginator(f"list_attached_{each}_policies").paginate(**{f"{each.capitalize()}Name": called})
            for policy in (policy for page in pages for policy in page["AttachedPolicies"]):
                found.setdefault(policy["PolicyArn"], []).append(f"{each}/{called}")
    except ClientError as error:
        say(f"To whom managed policies are attached is not told: {error}")
    return found


def _unused_first(rows: Sequence[Row]) -> list[Row]:
    """What nobody tried, then what is unknown, then what was not tried for longest; the sort is stable."""

    def place(row: Row) -> float:
        then = row["last-accessed"]
        return 0.0 if then is None else 1.0 if then == _UNKNOWN else then.timestamp()

    return sorted(rows, key=place)


def _readable(rows: Sequence[Row], form: str) -> list[Row]:
    """The rows with their times as texts."""
    now = datetime.now(UTC)
    timed = ((row, row.get("last-accessed")) for row in rows)
    return [{**row, "last-accessed": _text(then, now, form)} for row, then in timed]


def _text(then: Any, now: datetime, form: str) -> str | None:
    if then == _UNKNOWN:
        return _UNKNOWN
    return moment(then, now) if form == "table" else then.isoformat() if then else None


def moment(then: datetime | None, now: datetime) -> str:
    """A time for a person: `2026-11-25 21:04:05Z, 3 min ago`."""
    if then is None:
        return _NEVER
    passed = max(0.0, (now - then).total_seconds())
    size, unit = next((size, unit) for size, unit in _AGO if passed >= size)
    return f"{then.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}, {int(passed // (size or 1.0))} {unit} ago"


def _next(arn: str, kind: str, rows: Sequence[Row], service: str) -> str:
    """The command that is useful after this one, "" when there is none."""
    first = rows[0]
    if kind == "policies":
        return _reading(first)
    if kind == "entities":
        return again(f"access {shlex.quote(first['entity'])} --policies {service}")
    named = first["service"] if kind == "services" else first["action"].partition(":")[0]
    what = "entities" if ":policy/" in arn else "policies"
    return again(f"access {shlex.quote(arn)} --{what} {named}")


def _reading(policy: Row) -> str:
    """How to open a policy: who else uses a managed one, the document of an inline one."""
    if policy["type"] == "managed":
        return again(f"access {shlex.quote(policy['policy'])}")
    kind, _, name = policy["attached-to"].partition("/")
    return f"aws iam get-{kind}-policy --{kind}-name {shlex.quote(name)} --policy-name {shlex.quote(policy['policy'])}"
