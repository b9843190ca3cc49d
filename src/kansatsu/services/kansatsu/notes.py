"""What to say beside a replay and a suggestion: whose policies decided, and what no record shows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from kansatsu import arn as arns
from kansatsu.advisor.calls import CallRecord
from kansatsu.identity import EntityRecord
from kansatsu.policy import PolicySet
from kansatsu.services.registry import Call

_NAMED = 3  # workloads that are named of many


def of(call: Call, arn: str, people: Iterable[str], calls: Sequence[CallRecord]) -> Iterator[str]:
    """What the record does not show, and whose the policies are; `people` by their unique ids."""
    yield _of_now(call)
    if arn.startswith(f"arn:{arns.PARTITION}:iam::aws:policy/"):
        yield f"{arn} is AWS's own: put a policy of yours in its place."
    records = [record for record in map(call.snapshot.entity, people) if record is not None]
    for record in records:
        if whose := managed_elsewhere(record):
            yield whose
        if services := sorted(_services(record)):
            names = " and ".join(services)
            yield f"{names} may act as {record.arn}: what a service does by itself is not on record."
        yield from _given(call, record)
    asked = Counter(item.action for record in calls for item in record.asked if record.allowed)
    if passed := asked["iam:PassRole"]:
        yield f"iam:PassRole was used {_times(passed)}: what was done with the passed roles, their own policies decide."
    if assumed := asked["sts:AssumeRole"]:
        yield f"Roles were assumed {_times(assumed)}: what those sessions did, the policies of those roles decide."
    if any(record.session is not None and record.session.chained for record in calls):
        yield "Some sessions came from other roles (role chaining): who was behind them, their source identity tells."


def managed_elsewhere(record: EntityRecord) -> str:
    """The sentence on a role that somebody else manages, "" where nobody does.

    https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
    """
    if record.kind == "role" and record.path.startswith("/aws-service-role/"):
        return f"{record.arn} is a service-linked role: its service manages what it may do."
    if record.kind == "role" and (
        record.path.startswith("/aws-reserved/") or record.name.startswith("AWSReservedSSO_")
    ):
        return f"{record.arn} is managed by IAM Identity Center: change its permission set."
    return ""


def _of_now(call: Call) -> str:
    """Which policies of a replay are those of now, whatever they were when the requests were made."""
    limits = [
        f"the {word} {', '.join(names)}" if names else f"no {word}"
        for word, levels in (("SCPs", call.snapshot.scps(call.account)), ("RCPs", call.snapshot.rcps(call.account)))
        for names in [_names(levels)]
    ]
    return (
        f"By what is in force now ({call.now:%Y-%m-%d %H:%M:%S} UTC): identity policies, boundaries, trust policies, "
        f"managed session policies, and of the organization {' and '.join(limits)}; policies of resources and inline "
        "session policies are those that the requests had."
    )


def _names(levels: Iterable[PolicySet]) -> list[str]:
    return sorted({policy.source.name or policy.source.arn for level in levels for policy in level})


def _services(record: EntityRecord) -> Iterator[str]:
    for statement in record.trust.document.statements if record.trust is not None else ():
        if statement.effect == "Allow":
            yield from (name for kind, name in statement.principals if kind == "Service")


def _given(call: Call, record: EntityRecord) -> Iterator[str]:
    """Who has credentials of a role from this server and made no request with them."""
    issuer = call.workload.issuer
    held = sorted(
        f"{grant.session_name} ({grant.service})"
        for grant, credentials in issuer.given(record.id)
        if credentials.expiration > call.now and issuer.last_use(credentials.access_key_id) is None
    )
    if held:
        more = f" and {len(held) - _NAMED} more" if len(held) > _NAMED else ""
        yield (
            f"Credentials of {record.arn} were given to {', '.join(held[:_NAMED])}{more}, and no request was made with "
            "them since: what they are for is not on record."
        )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
