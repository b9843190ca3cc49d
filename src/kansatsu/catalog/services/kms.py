"""AWS KMS: authorized on the key's own ARN, whatever the request calls it.

https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html
"""

import re
from collections.abc import Callable, Iterable, Iterator

from kansatsu.catalog.authorization import Authorization, Context, Params
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure, read

# An id as KMS makes them, that of a multi-Region key also as the embedded backend does: with hyphens. An alias, or what
# might be one, says nothing of its key.
# https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id
_KEY = re.compile(
    r"(?:arn:aws:kms:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):key/)?"
    r"(?P<id>mrk-[0-9a-f]{32}|(?:mrk-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)
_ALIAS = re.compile(r"alias/[A-Za-z0-9/_-]{1,250}")


def key(value: str, frame: Frame) -> Iterator[str]:
    """The ARNs of a key that is named by its id or ARN, or by an alias that the backend resolved; else Unsure.

    INVARIANT: a policy is on keys; an alias that points to a key is never authorized as anything but that key.
    """
    found = _KEY.fullmatch(frame.known.get(value, value))
    if found is None:
        raise Unsure(value)
    for region in dict.fromkeys((found["region"] or frame.region, frame.region)):
        yield f"arn:aws:kms:{region}:{found['account'] or frame.account}:key/{found['id']}"


def keys(*paths: str) -> Callable[[Params, Frame], Iterator[str]]:
    """Finds the keys at these paths."""

    def find(params: Params, frame: Frame) -> Iterator[str]:
        for path in paths:
            for value in read(params, path):
                yield from key(value, frame)

    return find


def uses(service: str, actions: Iterable[str], name: str, frame: Frame, further: Context) -> tuple[Authorization, ...]:
    """What a service does with a key, named by its id or ARN, in the caller's place.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
    """
    own: Context = {"kms:viaservice": f"{service}.{frame.region}.amazonaws.com", "kms:calleraccount": frame.account}
    try:
        found = tuple(key(name, frame))
    except Unsure:
        return tuple(Authorization(action, "*", own | further, exact=False) for action in actions)
    return tuple(Authorization(action, resource, own | further) for action in actions for resource in found)


def _alias(params: Params, frame: Frame) -> Iterator[str]:
    """An alias, the key that it points to, and the one that it is to point to.

    https://docs.aws.amazon.com/kms/latest/developerguide/alias-access.html
    """
    targets = list(read(params, "TargetKeyId"))
    for value in read(params, "AliasName"):
        current = frame.known.get(value)
        if _ALIAS.fullmatch(value) is None or not (targets or current):
            raise Unsure(value)
        yield frame.arn("kms", value)
        for target in dict.fromkeys((current, *targets)):
            if target:
                yield from key(target, frame)


_BY_KEY = (
    *("CancelKeyDeletion", "CreateGrant", "Decapsulate", "Decrypt", "DeleteImportedKeyMaterial", "DeriveSharedSecret"),
    *("DescribeKey", "DisableKey", "DisableKeyRotation", "EnableKey", "EnableKeyRotation", "Encapsulate", "Encrypt"),
    *("GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
    *("GenerateDataKeyWithoutPlaintext", "GenerateMac", "GetKeyLastUsage", "GetKeyPolicy", "GetKeyRotationStatus"),
    *("GetParametersForImport", "GetPublicKey", "ImportKeyMaterial", "ListGrants", "ListKeyPolicies"),
    *("ListKeyRotations", "ListResourceTags", "PutKeyPolicy", "ReplicateKey", "RetireGrant", "RevokeGrant"),
    *("RotateKeyOnDemand", "ScheduleKeyDeletion", "Sign", "TagResource", "UntagResource", "UpdateKeyDescription"),
    *("UpdatePrimaryRegion", "Verify", "VerifyMac"),
)
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html",
    actions={"ReEncrypt": ("ReEncryptFrom", "ReEncryptTo")},
    finders={
        **dict.fromkeys(_BY_KEY, keys("KeyId")),
        "ReEncryptFrom": keys("SourceKeyId"),
        "ReEncryptTo": keys("DestinationKeyId"),
        **dict.fromkeys(("CreateAlias", "UpdateAlias", "DeleteAlias"), _alias),
    },
    tagged={"CreateKey": "key/*"},
    tagging="TagResource",
)
