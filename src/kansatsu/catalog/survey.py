"""What the catalog knows of operations, for people: how each is resolved, to which actions on which resources."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kansatsu.catalog import generic, reference
from kansatsu.catalog.authorization import Authorization
from kansatsu.catalog.compiled import How, entry
from kansatsu.catalog.plans import Plan
from kansatsu.catalog.resolution import resolve
from kansatsu.catalog.services import ec2
from kansatsu.catalog.words import members_of
from kansatsu.errors import AwsError
from kansatsu.wire import Operation, Service, service_metadata
from kansatsu.wire.model import read_model

HOWS: tuple[How, ...] = ("table", "rule", "fall-back")
_OWN_MODULES = {"s3", "dynamodb", "dynamodbstreams", "ec2"}
_EXAMPLE = "vpc-1"  # an id where EC2 tells kinds apart by the beginning, a name everywhere else
_BEGIN = {"GatewayId": "vgw-1", "ImportTaskId": "import-ami-1"}
# Of parameters that do not hold a bare name.
_EXAMPLES = {
    "QueueUrl": "http://host/123456789012/QueueName",
    "SSEKMSKeyId": "11111111-2222-3333-4444-555555555555",
    "TopicArn": "arn:aws:sns:us-east-1:123456789012:TopicName",
    "TargetArn": "arn:aws:sns:us-east-1:123456789012:TopicName",
    "CopySource": "SourceBucket/SourceKey",
    "KeyId": "11111111-2222-3333-4444-555555555555",
    "ListenerArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/NAME/ID/ID",
    "SubscriptionArn": "arn:aws:sns:us-east-1:123456789012:TopicName:ID",
}
# Of those whose lists are all of a request: what stands in them.
_SAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("dynamodb", "BatchGetItem"): {"RequestItems": {"TableName": {}}},
    ("dynamodb", "BatchWriteItem"): {"RequestItems": {"TableName": []}},
    ("dynamodb", "TransactGetItems"): {"TransactItems": [{"Get": {"TableName": "TableName"}}]},
    ("dynamodb", "TransactWriteItems"): {
        "TransactItems": [
            {"ConditionCheck": {"TableName": "TableName"}},
            {"Put": {"TableName": "TableName"}},
            {"Delete": {"TableName": "TableName"}},
            {"Update": {"TableName": "TableName"}},
        ]
    },
}
_NO_NAMES = {"Statement", "CiphertextBlob"}  # texts that are more than a name
_MOST_KINDS = 6  # types of resources that one line shows
_EVERYTHING = "* (AWS has no resource for this action)"
_ACCOUNT, _REGION = "123456789012", "us-east-1"


@dataclass(frozen=True, slots=True)
class Line:
    """One check of an operation: `resource` as the reference writes it, `parameters` are those that name it."""

    operation: str
    how: str  # a How, or "own": by the operation's handler
    action: str
    resource: str
    parameters: tuple[str, ...]


def how_of(operation: Operation) -> How:
    """Whether an operation is resolved by a table of ours, by the general rule, or not ("*", and not exact)."""
    if operation.service.name not in _OWN_MODULES:
        return entry(operation).how
    if operation.service.name != "ec2":
        return "table" if _is_known(operation) else "fall-back"
    if operation.name in ec2.TOLD:  # a request alone does not show it
        return "table"
    exact = (resolve(operation, given, _ACCOUNT, _REGION)[0].exact for given in _examples(operation))
    return "table" if any(exact) else "fall-back"


def _examples(operation: Operation) -> Iterator[dict[str, Any]]:
    """Requests of EC2 that name something: what is required, alone and with each other parameter, and all of them."""
    named = [member for member in members_of(operation) if member.text]
    values = {m.name: [_BEGIN.get(m.name, _EXAMPLE)] if m.many else _BEGIN.get(m.name, _EXAMPLE) for m in named}
    required = set(operation.input.required) if operation.input else set()
    least = {name: value for name, value in values.items() if name in required}
    yield values
    yield least
    yield from ({**least, name: value} for name, value in values.items() if name not in required)


def _is_known(operation: Operation) -> bool:
    found = resolve(operation, {}, _ACCOUNT, _REGION)[0].action
    return generic.is_known(*found.split(":", 1))


def _actions(operation: Operation) -> list[str]:
    found = (resolve(operation, {}, _ACCOUNT, _REGION) if operation.service.name in _OWN_MODULES else ()) or (
        entry(operation).plans
    )
    return [one.action for one in found]


def is_documented(operation: Operation) -> bool:
    """Whether AWS's reference has the actions of an operation at all."""
    return all(generic.is_known(*action.split(":", 1)) for action in _actions(operation))


def has_resource(operation: Operation) -> bool:
    """Whether AWS's reference has a type of resources for an action of an operation; else "*" is what it is on."""
    found = (reference.documented(*action.split(":", 1)) for action in _actions(operation))
    if operation.service.name in _OWN_MODULES:
        return any(known is None or known.types for known in found)
    return any(one.finder is not None or one.kinds != () for one in entry(operation).plans)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many operations of a service are resolved in each way.

    `undocumented` are the names of those that fall back because AWS's reference does not have them; `untold` of those
    that fall back although it does. `everything` of the others are on "*", as the reference has no resource for them.
    """

    service: str
    hows: Counter[How]
    undocumented: tuple[str, ...]
    untold: tuple[str, ...]
    everything: int


def counted(service: str, operations: Iterable[Operation]) -> Counts:
    """The counts of one service."""
    hows: Counter[How] = Counter()
    fallen, everything = [], 0
    for operation in operations:
        how = how_of(operation)
        hows[how] += 1
        if how == "fall-back":
            fallen.append(operation)
        else:
            everything += not has_resource(operation)
    untold = tuple(operation.name for operation in fallen if is_documented(operation))
    undocumented = tuple(operation.name for operation in fallen if operation.name not in untold)
    return Counts(service, hows, undocumented, untold, everything)


def counts() -> Iterator[Counts]:
    """Those of every service; takes seconds, as all models are read."""
    for name in sorted(service_metadata()):
        service = Service(name, read_model(name))  # not kept: all at once would be much memory
        yield counted(name, map(service.operation, service.operation_names))


def lines(operation: Operation, *, own: str = "") -> Iterator[Line]:
    """The checks of an operation, at least one; tags, roles and keys in a request add more.

    `own`: Kansatsu answers it itself, and its handler names the resource that no parameter does; this is said of it
    where AWS's reference has none.
    """
    how = how_of(operation)
    found = entry(operation)
    if own and how == "fall-back":
        for plan in found.plans:
            for resource in [kind.template.text for kind in plan.kinds or ()] or [own]:
                yield Line(operation.name, "own", plan.action, resource, ())
        return
    special = operation.service.name in _OWN_MODULES or found.custom or any(plan.finder for plan in found.plans)
    planned = [] if special else [line for plan in found.plans for line in _planned(operation, how, plan)]
    yield from planned or _sampled(operation, how)


def _planned(operation: Operation, how: How, plan: Plan) -> Iterator[Line]:
    if not plan.kinds:
        yield Line(operation.name, how, plan.action, "*" if plan.kinds is None else _EVERYTHING, ())
    for kind in plan.kinds or ():
        if how == "fall-back":
            yield Line(operation.name, how, plan.action, f"* (on AWS {kind.template.text})", ())
        elif kind.required or kind.names or plan.arns:
            shown = kind.form or kind.template
            names = (*(path for paths in kind.parents for path in paths), *(kind.names or plan.arns))
            resource = f"{shown.text}{'' if kind.required else ' (where it is named)'}"
            yield Line(operation.name, how, plan.action, resource, tuple(dict.fromkeys(names)))


def _kinds_of(action: str) -> str:
    """What the reference says that an action is on, where the table of the service finds it in no plain parameter."""
    found = reference.documented(*action.split(":", 1))
    kinds = tuple(dict.fromkeys(kind.template for kind in found.types)) if found else ()
    if len(kinds) > _MOST_KINDS:
        return f"one of {len(kinds)} types of resources (by the table of the service)"
    return f"{' or '.join(kinds)} (by the table of the service)" if kinds else "by the table of the service"


def _sampled(operation: Operation, how: How) -> Iterator[Line]:
    """By examples: every parameter holds its own name, in the account 123456789012.

    First with what is required, then with each other parameter as well: what that alone adds is marked so.
    """
    members = [member for member in members_of(operation) if member.text and member.name not in _NO_NAMES]
    values = {m.name: [_text(m.name)] if m.many else _text(m.name) for m in members}
    required = set(operation.input.required) if operation.input else set()
    given = {name: value for name, value in values.items() if name in required}
    least = given | _SAMPLES.get((operation.service.name, operation.name), {})
    items = _asked(operation, least)
    without = {name: _asked(operation, {key: value for key, value in least.items() if key != name}) for name in given}
    naming = [name for name, found in without.items() if _pairs(found) != _pairs(items)]
    shown: dict[tuple[str, str], Line] = {}
    for item in items:
        resource = _resource(operation, how, item)
        shown.setdefault((item.action, resource), Line(operation.name, how, item.action, resource, tuple(naming)))
    for name in [] if how == "fall-back" else [name for name in values if name not in required]:
        told = {action for action, _ in shown}
        for item in _asked(operation, {**least, name: values[name]}):
            resource = _resource(operation, how, item)
            if (item.action, resource) not in shown and (item.resource != "*" or item.action not in told):
                where = f"{resource} (where {name} is given)"
                line = Line(operation.name, how, item.action, where, (*naming, name))
                shown[item.action, resource] = line
    # What is on everything only until a parameter names it is shown as what it is then.
    named = {action for action, resource in shown if resource != "*"}
    yield from (line for (action, resource), line in shown.items() if resource != "*" or action not in named)


def _text(name: str) -> str:
    return _EXAMPLES.get(name, name)


def _asked(operation: Operation, params: dict[str, Any]) -> tuple[Authorization, ...]:
    """What must be allowed for one example; nothing where it cannot be a request."""
    try:
        return resolve(operation, params, _ACCOUNT, _REGION)
    except AwsError:
        return ()


def _pairs(items: tuple[Authorization, ...]) -> set[tuple[str, str]]:
    return {(item.action, item.resource) for item in items}


def _resource(operation: Operation, how: How, item: Authorization) -> str:
    if how == "fall-back":
        return "*"
    if not has_resource(operation):
        return _EVERYTHING
    return item.resource if item.exact or item.resource != "*" else _kinds_of(item.action)
