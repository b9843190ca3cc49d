"""What the names in a request stand for, where only the backend can say: aliases of keys, names of secrets."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kansatsu import arn
from kansatsu.errors import AwsError, ServiceUnavailable, Unimplemented
from kansatsu.resources.facts import Kind, Place, Unsupported
from kansatsu.resources.kinds import ALIAS, SECRET
from kansatsu.resources.knowledge import Knowledge


class _Form(NamedTuple):
    """Names of one service: the parameters that hold them, how they look, what to ask, how an ARN of one goes on."""

    members: tuple[str, ...]
    looks: re.Pattern[str]
    kind: Kind[str]
    prefix: str


_FORMS = {
    "kms": _Form(
        ("KeyId", "SourceKeyId", "DestinationKeyId", "TargetKeyId", "AliasName"),
        re.compile(r"(?:arn:aws:kms:[a-z0-9-]+:[0-9]{12}:)?alias/[A-Za-z0-9/_-]{1,250}", re.ASCII),
        ALIAS,
        "",
    ),
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html: what a name may hold.
    "secretsmanager": _Form(
        ("SecretId", "SecretIdList"),
        re.compile(r"(?:arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:)?[A-Za-z0-9/_+=.@-]{1,512}", re.ASCII),
        SECRET,
        "secret:",
    ),
}


_MOST = 20  # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
_MADE = "AliasName"  # need not exist yet
# Calls that may leave out the key, which the ciphertext names: (the parameter, the member of the answer that tells).
# They change nothing, so that the backend may be asked before anybody is authorized.
_IN_CIPHERTEXT = {"Decrypt": ("KeyId", "KeyId"), "ReEncrypt": ("SourceKeyId", "SourceKeyId")}


class Named(NamedTuple):
    """The parameters of a call with what it left out, and what names in them mean: ARNs, "" for what does not exist."""

    params: Mapping[str, Any]
    names: Mapping[str, str]


async def resolved(
    knowledge: Knowledge, service: str, operation: str, params: Mapping[str, Any], account: str, region: str
) -> Named:
    """What the names in a request mean now; raises ServiceUnavailable, and Unimplemented for names of other Regions.

    INVARIANT: what the caller wrote is looked up in the account and Region in which the backend will look it up.
    """
    form = _FORMS.get(service)
    if form is None:
        return Named(params, {})
    found: dict[str, str] = {}
    source, key = _IN_CIPHERTEXT.get(operation, ("", ""))[0] if service == "kms" else "", ""
    # INVARIANT: what is re-encrypted is from the key that was authorized: the embedded backend does not hold the
    # ciphertext against the key that is named, as it does to decrypt.
    if source and (operation == "ReEncrypt" or not params.get(source)):
        key = await _of_ciphertext(knowledge, operation, params, account, region)
        if not params.get(source):
            params = {**params, source: key}
        if not key:
            found[str(params[source])] = ""
    for member, value in _values(params, form):
        if value in found:
            continue
        named = arn.Arn.parse(value)
        if named is not None and named.region != region:
            raise Unimplemented(f"Kansatsu does not resolve {value} in another Region.")
        text = value if named is not None else f"arn:{arn.PARTITION}:{service}:{region}:{account}:{form.prefix}{value}"
        place = Place(named.account if named is not None else account, text, region)
        meant = await knowledge.learn(form.kind, place)
        if not isinstance(meant, Unsupported) and (meant or member != _MADE):
            found[value] = meant
    given = str(params.get(source, ""))
    if key and key.rpartition("/")[2] != found.get(given, given).rpartition("/")[2]:
        params = {**params, source: key}
    return Named(params, found)


def _values(params: Mapping[str, Any], form: _Form) -> Iterator[tuple[str, str]]:
    """(member, name) of each that looks like one.

    Of a list none, where it has another, or more than AWS takes, or filters choose as well: it does not say all.
    """
    for member in form.members:
        value = params.get(member)
        if isinstance(value, list) and params.get("Filters"):
            continue
        given = value if isinstance(value, list) else [value]
        names = [name for name in given if isinstance(name, str) and form.looks.fullmatch(name)]
        if len(names) == len(given) <= _MOST:
            yield from ((member, name) for name in names)


async def _of_ciphertext(
    knowledge: Knowledge, operation: str, params: Mapping[str, Any], account: str, region: str
) -> str:
    """The ARN of the key that a ciphertext is from; "" where it is from none.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html
    """
    try:
        answer = await knowledge.ask(account, region, "kms", operation, params)
    except AwsError as error:
        if error.status >= 500 or "Throttl" in error.code:
            raise ServiceUnavailable("The key of the ciphertext could not be read from the backend.") from error
        return ""  # the backend says it again, to the caller, once he is allowed on everything
    return str(answer[_IN_CIPHERTEXT[operation][1]])
