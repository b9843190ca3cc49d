"""What of a request's parameters and results may be written down: everything but secrets and contents.

Compiled once per operation from botocore's model, so that recording walks nothing where there is nothing to hide.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kansatsu.wire import Operation, Shape

# What CloudTrail writes instead.
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"

Redactor = Callable[[Any], Any]

# Secrets and contents that the models do not mark as sensitive, by the member's name in lower case.
_SECRET = frozenset(
    {
        *("password", "newpassword", "oldpassword", "masteruserpassword", "masterpassword", "adminpassword"),
        *("secretstring", "secretbinary", "secretaccesskey", "sessiontoken", "securitytoken", "clientsecret"),
        *("plaintext", "privatekey", "privatekeyplaintext", "authtoken", "userdata", "tokencode"),
        *("authenticationcode1", "authenticationcode2", "samlassertion", "webidentitytoken", "accesstoken"),
        *("refreshtoken", "connectionstring", "base32stringseed", "qrcodepng", "keymaterial", "servicepassword"),
        *("certificateprivatekey", "randompassword"),
    }
)
# Contents, which are nobody's business in a trail, by service.
_CONTENTS: Mapping[str, frozenset[str]] = {
    "sqs": frozenset({"messagebody", "messageattributes", "messagesystemattributes", "body"}),
    "sns": frozenset({"message", "subject", "messageattributes"}),
    "logs": frozenset({"message", "logevents"}),
    "events": frozenset({"detail"}),
    "ses": frozenset({"message", "rawmessage"}),
    "sesv2": frozenset({"content"}),
    "cloudformation": frozenset({"parametervalue"}),
    "kansatsu": frozenset({"starter"}),
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/logging-using-cloudtrail.html
    "dynamodb": frozenset(
        {
            *("item", "requestitems", "transactitems", "expressionattributevalues", "attributeupdates", "expected"),
            *("keyconditions", "queryfilter", "scanfilter", "exclusivestartkey", "statement", "statements"),
            *("transactstatements", "parameters"),
        }
    ),
}


def of_params(operation: Operation) -> Redactor | None:
    """What makes the parameters of an operation fit to be kept; None where they are as they come."""
    return _compiled(operation, _INPUT)


def of_result(operation: Operation) -> Redactor | None:
    """The same for its result."""
    return _compiled(operation, _OUTPUT)


_INPUT, _OUTPUT = "redaction input", "redaction output"


def _compiled(operation: Operation, side: str) -> Redactor | None:
    if side not in operation.codecs:
        shape = operation.input if side == _INPUT else operation.output
        operation.codecs[side] = _of(shape, operation.service.name, ()) if shape is not None else None
    found: Redactor | None = operation.codecs[side]
    return found


def _hide(_value: Any) -> str:
    return HIDDEN


def _of(shape: Shape, service: str, above: tuple[str, ...]) -> Redactor | None:
    """INVARIANT: what is sensitive by the model, is bytes, or repeats within itself is hidden as a whole."""
    if shape.get("sensitive") or shape.type == "blob" or shape.get("streaming") or shape.get("eventstream"):
        return _hide
    if shape.name in above:
        return _hide
    inside = (*above, shape.name)
    if shape.type == "structure":
        return _structure(shape, service, inside)
    if shape.type == "list":
        each = _of(shape.member, service, inside)
        return None if each is None else lambda value: [each(item) for item in value]
    if shape.type == "map":
        of_value = _of(shape.value, service, inside)
        return None if of_value is None else lambda value: {key: of_value(item) for key, item in value.items()}
    return None


def _structure(shape: Shape, service: str, inside: tuple[str, ...]) -> Redactor | None:
    hidden = _SECRET | _CONTENTS.get(service, frozenset())
    members = {}
    for name, member in shape.members:
        found = _hide if name.lower() in hidden else _of(member, service, inside)
        if found is not None:
            members[name] = found
    if not members:
        return None
    return lambda value: {key: members[key](item) if key in members else item for key, item in value.items()}
