"""SAML providers: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateSAMLProvider.html

A provider's private keys, which open the assertions that are encrypted for it, are its secret and never shown again.
"""

import base64
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from kansatsu import arn
from kansatsu.errors import AwsError, EntityAlreadyExists, InvalidInput, LimitExceeded, NoSuchEntity
from kansatsu.identity import credentials
from kansatsu.identity import tags as held
from kansatsu.identity.credentials import Credential
from kansatsu.identity.sealing import Secret
from kansatsu.services.iam import _render, _resources, oidc_providers
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call, Params

KIND = "saml"
_MEMBER = "SAMLProviderArn"
# An end a century away, whatever the metadata say of one.
_LIFE = timedelta(days=36525)
_PRIVATE_KEYS = 2


def provider_arn(account: str, name: str) -> str:
    return arn.iam(account, f"saml-provider/{name}")


def _new(call: Call, params: Params) -> _resources.Target:
    return provider_arn(call.account, params["Name"]), _resources.asked(params)


def locate(call: Call, params: Params) -> _resources.Target:
    """An existing provider, with its tags."""
    found = find(call, call.account, params[_MEMBER])
    return params[_MEMBER], _resources.asked(params, held.of(call.conn, found.id) if found is not None else {})


@iam("CreateSAMLProvider", _new, write=True)
def create_saml_provider(
    call: Call,
    saml_metadata_document: str,
    name: str,
    tags: list[dict[str, str]] | None = None,
    assertion_encryption_mode: str | None = None,
    add_private_key: str | None = None,
    identity_center_instance_arn: str | None = None,
) -> dict[str, Any]:
    oidc_providers.associated(identity_center_instance_arn)
    if credentials.named(call.conn, call.account, KIND, name) is not None:
        raise EntityAlreadyExists(f"SAMLProvider with name {name} already exists.")
    call.store.quotas.check_room("SAMLProvidersPerAccount", call.conn, call.account, KIND)
    now = int(call.now.timestamp())
    details = {"metadata": _metadata(saml_metadata_document), "uuid": _id()}
    made = Credential(f"{KIND}:{secrets.token_hex(16)}", call.account, KIND, "", name, "Active", now, details)
    credentials.add(call.conn, call.store.sealer, made)
    _encrypt(call, made, assertion_encryption_mode, add_private_key)
    held.put(call.conn, made.id, _render.pairs(tags))
    return {_MEMBER: provider_arn(call.account, name)} | _tags(call, made)


@iam("GetSAMLProvider", locate)
def get_saml_provider(call: Call, saml_provider_arn: str) -> dict[str, Any]:
    found = existing(call, saml_provider_arn)
    return {
        "SAMLProviderUUID": found.details["uuid"],
        "SAMLMetadataDocument": found.details["metadata"],
        **_dates(found),
        **_encryption(found),
    } | _tags(call, found)


@iam("ListSAMLProviders", _resources.everything)
def list_saml_providers(call: Call) -> dict[str, Any]:
    found = credentials.every(call.conn, call.account, KIND)
    return {"SAMLProviderList": [{"Arn": provider_arn(call.account, item.name), **_dates(item)} for item in found]}


@iam("UpdateSAMLProvider", locate, write=True)
def update_saml_provider(
    call: Call,
    *,
    saml_provider_arn: str,
    saml_metadata_document: str | None = None,
    assertion_encryption_mode: str | None = None,
    add_private_key: str | None = None,
    remove_private_key: str | None = None,
    remove_context_provider: bool = False,
    identity_center_instance_arn: str | None = None,
    remove_identity_center_instance: bool = False,
) -> dict[str, Any]:
    found = existing(call, saml_provider_arn)
    oidc_providers.associated(identity_center_instance_arn, remove=remove_identity_center_instance)
    if remove_context_provider or remove_identity_center_instance:
        what = "context provider" if remove_context_provider else "association with an Identity Center instance"
        raise InvalidInput(f"{saml_provider_arn} has no {what}.")
    encryption = (assertion_encryption_mode, add_private_key, remove_private_key)
    if saml_metadata_document is None and not any(encryption):
        raise InvalidInput("Unable to update identity provider. No updates are defined for metadata or encryption "
                           "assertion.")  # fmt: skip
    if saml_metadata_document is not None:
        details = {"metadata": _metadata(saml_metadata_document)}
        found = credentials.change(call.conn, call.store.sealer, found, details=details)
    _encrypt(call, found, *encryption)
    return {_MEMBER: saml_provider_arn}


@iam("DeleteSAMLProvider", locate, write=True)
def delete_saml_provider(call: Call, saml_provider_arn: str) -> dict[str, Any]:
    credentials.remove(call.conn, existing(call, saml_provider_arn))
    return {}


def existing(call: Call, named: str) -> Credential:
    """Raises InvalidInput, NoSuchEntity."""
    parsed = arn.Arn.parse(named)
    if parsed is None or not parsed.resource.startswith("saml-provider/"):
        raise InvalidInput(f"Invalid ARN: {named}")
    found = find(call, call.account, named)
    if found is None:
        raise NoSuchEntity(f"Manifest not found for arn {named}")
    return found


def find(call: Call, account: str, named: str) -> Credential | None:
    """The provider of an account with that very ARN."""
    prefix = provider_arn(account, "")
    found = credentials.named(call.conn, account, KIND, named[len(prefix) :]) if named.startswith(prefix) else None
    return found if found is not None and provider_arn(account, found.name) == named else None


def private_keys(call: Call, item: Credential) -> Sequence[Secret]:
    """In PEM, the newest first, which is the order in which AWS tries them."""
    if not item.details.get("keys"):
        return ()
    kept = json.loads(credentials.secret(call.conn, call.store.sealer, item).value)
    return [Secret(kept[key]) for key, _added in reversed(item.details["keys"])]


def _encrypt(call: Call, item: Credential, mode: str | None, add: str | None, remove: str | None = None) -> None:
    """Set mode and keys. https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html has AWS's words."""
    if not (mode or add or remove):
        return
    if add and remove:
        raise InvalidInput("Unable to add and remove private keys in the same request. Set a value for only one of "
                           "the two parameters.")  # fmt: skip
    keys: list[tuple[str, float]] = list(item.details.get("keys", ()))
    kept = json.loads(credentials.secret(call.conn, call.store.sealer, item).value) if keys else {}
    mode = mode or item.details.get("mode")
    if add:
        if len(keys) >= _PRIVATE_KEYS:
            raise LimitExceeded(f"Private key limit of {_PRIVATE_KEYS} is reached.")
        kept[new := _id()] = _checked(add)
        keys.append((new, int(call.now.timestamp())))
    if remove:
        if kept.pop(remove, None) is None:
            raise NoSuchEntity("Failed to remove private key because the Key ID does not match a private key.")
        keys = [one for one in keys if one[0] != remove]
    if mode == "Required" and not keys:
        raise InvalidInput("Failed to remove private key." if remove else "Unable to set assertion encryption mode to "
                           "Required because no private key is provided.")  # fmt: skip
    details = {"mode": mode, "keys": keys}
    credentials.change(call.conn, call.store.sealer, item, secret=json.dumps(kept), details=details)


def _checked(key: str) -> str:
    from kansatsu.services import saml  # late, as it asks for

    try:
        saml.private_key(key)
    except saml.Unreadable:
        raise InvalidInput("Invalid private key.") from None
    return key


def _metadata(text: str) -> str:
    from kansatsu.services import saml

    try:
        saml.metadata(text)
    except (saml.Unreadable, AwsError):
        raise InvalidInput("Could not parse metadata") from None
    return text


def _id() -> str:
    return base64.b32encode(secrets.token_bytes(20)).decode()


def _dates(item: Credential) -> dict[str, datetime]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml.html on "Valid until"."""
    created = datetime.fromtimestamp(int(item.created), UTC)
    return {"ValidUntil": created + _LIFE, "CreateDate": created}


def _encryption(item: Credential) -> dict[str, Any]:
    mode, keys = item.details.get("mode"), item.details.get("keys", ())
    listed = [{"KeyId": key, "Timestamp": datetime.fromtimestamp(added, UTC)} for key, added in keys]
    return ({"AssertionEncryptionMode": mode} if mode else {}) | ({"PrivateKeyList": listed} if listed else {})


def _tags(call: Call, item: Credential) -> dict[str, Any]:
    tags = held.of(call.conn, item.id)
    return {"Tags": _render.tags(tags)} if tags else {}
