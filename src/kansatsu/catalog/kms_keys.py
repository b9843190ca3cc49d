"""The condition keys of KMS that parameters supply.

https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
Keys that are properties of a KMS key (kms:KeySpec, ...) are known of the key that a request creates; those of a key
that exists only the backend knows.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kansatsu.catalog.authorization import Context, Params
from kansatsu.catalog.tags import of_pairs

# Parameter -> condition key, present when the parameter is.
_GIVEN = {
    "BypassPolicyLockoutSafetyCheck": "kms:bypasspolicylockoutsafetycheck",
    "EncapsulationAlgorithm": "kms:encapsulationalgorithm",
    "ExpirationModel": "kms:expirationmodel",
    "GranteePrincipal": "kms:granteeprincipal",
    "GranteeServicePrincipal": "kms:granteeserviceprincipal",
    "KeyAgreementAlgorithm": "kms:keyagreementalgorithm",
    "KeyPairSpec": "kms:datakeypairspec",
    "MacAlgorithm": "kms:macalgorithm",
    "MessageType": "kms:messagetype",
    "Operations": "kms:grantoperations",
    "PendingWindowInDays": "kms:schedulekeydeletionpendingwindowindays",
    "PrimaryRegion": "kms:primaryregion",
    "ReplicaRegion": "kms:replicaregion",
    "RetiringPrincipal": "kms:retiringprincipal",
    "RetiringServicePrincipal": "kms:retiringserviceprincipal",
    "RotationPeriodInDays": "kms:rotationperiodindays",
    "SigningAlgorithm": "kms:signingalgorithm",
    "ValidTo": "kms:validto",
    "WrappingAlgorithm": "kms:wrappingalgorithm",
    "WrappingKeySpec": "kms:wrappingkeyspec",
}
# Operations that have no kms:CallerAccount.
_NO_CALLER = {"CreateKey", "GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants", "RetireGrant"}
_ALGORITHM = "SYMMETRIC_DEFAULT"
_ENCRYPTING = {"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo"}
_GENERATING = {
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
}
# Keys of our own, for grants: which one is retired, and the letters of a name in the encryption context that has upper
# case, by the name in lower case.
RETIRED, SPELT = "kms:RetiredGrant", "kms:SpeltInEncryptionContext:"
# kms:ReEncryptFrom and kms:ReEncryptTo each see one half of the parameters of ReEncrypt.
_HALVES = {"ReEncryptFrom": "Source", "ReEncryptTo": "Destination"}


def context(action: str, params: Params, account: str) -> Context:
    """The keys of a request for `action` ("Encrypt", "ReEncryptTo"...) by a principal of `account`."""
    found = {key: _value(params[name]) for name, key in _GIVEN.items() if params.get(name) is not None}
    half = _HALVES.get(action, "")
    if action not in _NO_CALLER:
        found["kms:calleraccount"] = account
    if action in _ENCRYPTING:
        found["kms:encryptionalgorithm"] = str(params.get(f"{half}EncryptionAlgorithm") or _ALGORITHM)
    elif action in _GENERATING:
        found["kms:encryptionalgorithm"] = _ALGORITHM
    if alias := _alias(str(params.get(f"{half}KeyId") or "")):
        found["kms:requestalias"] = alias
    if half and params.get("SourceKeyId"):
        found["kms:reencryptonsamekey"] = _value(params["SourceKeyId"] == params.get("DestinationKeyId"))
    if action == "CreateKey":
        found |= _created(params)
    if action == "RetireGrant" and params.get("GrantId"):
        found[RETIRED.lower()] = str(params["GrantId"])
    return found | _constraints(params) | _encryption_context(params.get(f"{half}EncryptionContext"))


def _created(params: Params) -> Context:
    """Properties of the key that CreateKey makes, with the defaults of its parameters.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
    """
    spec = str(params.get("KeySpec") or params.get("CustomerMasterKeySpec") or _ALGORITHM)
    usage = str(params.get("KeyUsage") or "ENCRYPT_DECRYPT")
    found: Context = {
        "kms:keyspec": spec,
        "kms:customermasterkeyspec": spec,
        "kms:keyusage": usage,
        "kms:customermasterkeyusage": usage,
        "kms:keyorigin": str(params.get("Origin") or "AWS_KMS"),
        "kms:multiregion": _value(bool(params.get("MultiRegion"))),
    }
    if params.get("MultiRegion"):
        found["kms:multiregionkeytype"] = "PRIMARY"
    return found


def _constraints(params: Params) -> Context:
    """The constraint of the grant that CreateGrant makes."""
    constraints: Mapping[str, Any] = params.get("Constraints") or {}
    found: Context = {}
    for kind in ("EncryptionContextSubset", "EncryptionContextEquals"):
        if constraints.get(kind):
            found |= {"kms:grantconstrainttype": kind, **_encryption_context(constraints[kind])}
    if constraints.get("SourceArn"):
        found["kms:grantconstraintsourcearn"] = str(constraints["SourceArn"])
    return found


def _encryption_context(given: Mapping[str, str] | None) -> Context:
    if not given:
        return {}
    found = of_pairs("kms:encryptioncontext:", given.items())
    spelt: dict[str, tuple[str, ...]] = {}
    for key in given:
        if key != key.lower():
            name = f"{SPELT.lower()}{key.lower()}"
            spelt[name] = (*spelt.get(name, ()), key)
    return found | spelt | {"kms:encryptioncontextkeys": tuple(given)}


def _alias(key: str) -> str:
    """ "alias/x" of a key that is named by its alias or by the alias's ARN."""
    name = key.rpartition(":")[2] if key.startswith("arn:") else key
    return name if name.startswith("alias/") else ""


def _value(value: Any) -> str | tuple[str, ...]:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return tuple(map(str, value)) if isinstance(value, list) else str(value)
