"""SAML providers: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateSAMLProvider.html

Encrypted assertions are not taken, so that neither private keys nor an encryption mode can be set.
"""

import base64
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from kansatsu import arn
from kansatsu.errors import AwsError, EntityAlreadyExists, InvalidInput, NoSuchEntity
from kansatsu.identity import credentials
from kansatsu.identity import tags as held
from kansatsu.identity.credentials import Credential
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call, Params

KIND = "saml"
_MEMBER = "SAMLProviderArn"
_WITHOUT_END = timedelta(days=36525)  # AWS shows an end a century away where the metadata name none


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
    call: Call, saml_metadata_document: str, name: str, tags: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    if credentials.named(call.conn, call.account, KIND, name) is not None:
        raise EntityAlreadyExists(f"SAMLProvider with name {name} already exists.")
    call.store.quotas.check_room("SAMLProvidersPerAccount", call.conn, call.account, KIND)
    now = int(call.now.timestamp())
    details = _details(saml_metadata_document) | {
        "uuid": base64.b32encode(secrets.token_bytes(20)).decode(),
    }
    made = Credential(f"{KIND}:{secrets.token_hex(16)}", call.account, KIND, "", name, "Active", now, details)
    credentials.add(call.conn, call.store.sealer, made)
    held.put(call.conn, made.id, _render.pairs(tags))
    return {_MEMBER: provider_arn(call.account, name)} | _tags(call, made)


@iam("GetSAMLProvider", locate)
def get_saml_provider(call: Call, saml_provider_arn: str) -> dict[str, Any]:
    found = existing(call, saml_provider_arn)
    return {
        "SAMLProviderUUID": found.details["uuid"],
        "SAMLMetadataDocument": found.details["metadata"],
        **_dates(found),
    } | _tags(call, found)


@iam("ListSAMLProviders", _resources.everything)
def list_saml_providers(call: Call) -> dict[str, Any]:
    found = credentials.every(call.conn, call.account, KIND)
    return {"SAMLProviderList": [{"Arn": provider_arn(call.account, item.name), **_dates(item)} for item in found]}


@iam("UpdateSAMLProvider", locate, write=True)
def update_saml_provider(
    call: Call, saml_provider_arn: str, saml_metadata_document: str | None = None
) -> dict[str, Any]:
    found = existing(call, saml_provider_arn)
    if saml_metadata_document is None:
        raise InvalidInput("At least one of the parameters must be given.")
    credentials.change(call.conn, call.store.sealer, found, details=_details(saml_metadata_document))
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


def _details(text: str) -> dict[str, Any]:
    from kansatsu.services import saml  # late, as it asks for

    try:
        read = saml.metadata(text)
    except (saml.Unreadable, AwsError):
        raise InvalidInput("Could not parse metadata") from None
    return {"metadata": text, "until": read.valid_until.timestamp() if read.valid_until is not None else None}


def _dates(item: Credential) -> dict[str, datetime]:
    created = datetime.fromtimestamp(int(item.created), UTC)
    until = item.details["until"]
    ends = datetime.fromtimestamp(int(until), UTC) if until is not None else created + _WITHOUT_END
    return {"ValidUntil": ends, "CreateDate": created}


def _tags(call: Call, item: Credential) -> dict[str, Any]:
    tags = held.of(call.conn, item.id)
    return {"Tags": _render.tags(tags)} if tags else {}
