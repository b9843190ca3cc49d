"""OpenID Connect providers: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html

Thumbprints are kept and shown. They decide nothing here: an issuer's certificate must be one that this machine trusts.
"""

import secrets
from typing import Any
from urllib.parse import urlsplit

from kansatsu import arn
from kansatsu.errors import EntityAlreadyExists, InvalidInput, LimitExceeded, NoSuchEntity
from kansatsu.identity import credentials
from kansatsu.identity import tags as held
from kansatsu.identity.credentials import Credential
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call, Params

KIND = "oidc"
CLIENTS, THUMBPRINTS = 100, 5
_MEMBER = "OpenIDConnectProviderArn"


def provider_arn(account: str, url: str) -> str:
    """`url` is that of the issuer without its scheme."""
    return arn.iam(account, f"oidc-provider/{url}")


def _new(call: Call, params: Params) -> _resources.Target:
    return provider_arn(call.account, _bare(params["Url"])), _resources.asked(params)


def locate(call: Call, params: Params) -> _resources.Target:
    """An existing provider, with its tags."""
    found = _find(call, params[_MEMBER])
    return params[_MEMBER], _resources.asked(params, held.of(call.conn, found.id) if found is not None else {})


@iam("CreateOpenIDConnectProvider", _new, write=True)
def create_open_id_connect_provider(
    call: Call,
    url: str,
    client_id_list: list[str] | None = None,
    thumbprint_list: list[str] | None = None,
    tags: list[dict[str, str]] | None = None,
    identity_center_instance_arn: str | None = None,
) -> dict[str, Any]:
    associated(identity_center_instance_arn)
    parts, bare = urlsplit(url), _bare(url)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.port:
        raise InvalidInput("The url of the provider must begin with https:// and have neither port nor query.")
    if credentials.named(call.conn, call.account, KIND, bare) is not None:
        raise EntityAlreadyExists(f"Provider with url {url} already exists.")
    call.store.quotas.check_room("OpenIdConnectProvidersPerAccount", call.conn, call.account, KIND)
    clients, thumbprints = list(dict.fromkeys(client_id_list or [])), thumbprint_list or []
    _check(clients, thumbprints)
    details = {"clients": clients, "thumbprints": thumbprints}
    now = int(call.now.timestamp())
    made = Credential(f"{KIND}:{secrets.token_hex(16)}", call.account, KIND, "", bare, "Active", now, details)
    credentials.add(call.conn, call.store.sealer, made)
    held.put(call.conn, made.id, _render.pairs(tags))
    return {_MEMBER: provider_arn(call.account, bare)} | _tags(call, made)


@iam("GetOpenIDConnectProvider", locate)
def get_open_id_connect_provider(call: Call, open_id_connect_provider_arn: str) -> dict[str, Any]:
    found = existing(call, open_id_connect_provider_arn)
    return {
        "Url": found.name,
        "ClientIDList": found.details["clients"],
        "ThumbprintList": found.details["thumbprints"],
        "CreateDate": _render.when(found.created),
    } | _tags(call, found)


@iam("ListOpenIDConnectProviders", _resources.everything)
def list_open_id_connect_providers(call: Call) -> dict[str, Any]:
    found = credentials.every(call.conn, call.account, KIND)
    return {"OpenIDConnectProviderList": [{"Arn": provider_arn(call.account, item.name)} for item in found]}


@iam("DeleteOpenIDConnectProvider", locate, write=True)
def delete_open_id_connect_provider(call: Call, open_id_connect_provider_arn: str) -> dict[str, Any]:
    """No error for one that is not there, as the page says. Raises InvalidInput for what is no ARN of one."""
    found = _find(call, _checked(open_id_connect_provider_arn))
    if found is not None:
        credentials.remove(call.conn, found)
    return {}


@iam("AddClientIDToOpenIDConnectProvider", locate, write=True)
def add_client_id_to_open_id_connect_provider(
    call: Call, open_id_connect_provider_arn: str, client_id: str
) -> dict[str, Any]:
    """No error for one that it has."""
    found = existing(call, open_id_connect_provider_arn)
    clients = list(dict.fromkeys([*found.details["clients"], client_id]))
    _check(clients, [])
    return _set(call, found, clients=clients)


@iam("RemoveClientIDFromOpenIDConnectProvider", locate, write=True)
def remove_client_id_from_open_id_connect_provider(
    call: Call, open_id_connect_provider_arn: str, client_id: str
) -> dict[str, Any]:
    """No error for one that it has not."""
    found = existing(call, open_id_connect_provider_arn)
    return _set(call, found, clients=[one for one in found.details["clients"] if one != client_id])


@iam("UpdateOpenIDConnectProviderThumbprint", locate, write=True)
def update_open_id_connect_provider_thumbprint(
    call: Call, open_id_connect_provider_arn: str, thumbprint_list: list[str]
) -> dict[str, Any]:
    _check([], thumbprint_list)
    return _set(call, existing(call, open_id_connect_provider_arn), thumbprints=thumbprint_list)


@iam("UpdateOpenIDConnectProvider", locate, write=True)
def update_open_id_connect_provider(
    call: Call,
    open_id_connect_provider_arn: str,
    remove_context_provider: bool = False,
    identity_center_instance_arn: str | None = None,
    remove_identity_center_instance: bool = False,
) -> dict[str, Any]:
    """No provider here has what it would take away, for there is no IAM Identity Center to vouch for context.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateOpenIDConnectProvider.html
    """
    existing(call, open_id_connect_provider_arn)
    associated(identity_center_instance_arn, remove=remove_identity_center_instance)
    if remove_context_provider == remove_identity_center_instance:
        raise InvalidInput("A request changes either the context provider or the association with Identity Center.")
    what = "context provider" if remove_context_provider else "association with an Identity Center instance"
    raise InvalidInput(f"{open_id_connect_provider_arn} has no {what}.")


def associated(instance: str | None, *, remove: bool = False) -> None:
    """Raises InvalidInput for an instance of IAM Identity Center: there are none here, so that none is found."""
    if instance is not None and remove:
        raise InvalidInput("A request either sets or removes the association with Identity Center.")
    if instance is not None:
        raise InvalidInput(f"There is no IAM Identity Center instance {instance}.")


def existing(call: Call, named: str) -> Credential:
    """Raises InvalidInput, NoSuchEntity."""
    found = _find(call, _checked(named))
    if found is None:
        raise NoSuchEntity(f"OpenIDConnect Provider not found for arn {named}")
    return found


def _checked(named: str) -> str:
    parsed = arn.Arn.parse(named)
    if parsed is None or not parsed.resource.startswith("oidc-provider/"):
        raise InvalidInput(f"Invalid ARN: {named}")
    return named


def _find(call: Call, named: str) -> Credential | None:
    prefix = provider_arn(call.account, "")
    return credentials.named(call.conn, call.account, KIND, named[len(prefix) :]) if named.startswith(prefix) else None


def _bare(url: str) -> str:
    return url.partition("://")[2]


def _check(clients: list[str], thumbprints: list[str]) -> None:
    for what, given, most in (("ClientIds", clients, CLIENTS), ("Thumbprints", thumbprints, THUMBPRINTS)):
        if len(given) > most:
            raise LimitExceeded(f"Cannot exceed quota for {what}PerOpenIdConnectProvider: {most}")


def _set(call: Call, found: Credential, **details: list[str]) -> dict[str, Any]:
    credentials.change(call.conn, call.store.sealer, found, details=details)
    return {}


def _tags(call: Call, item: Credential) -> dict[str, Any]:
    tags = held.of(call.conn, item.id)
    return {"Tags": _render.tags(tags)} if tags else {}
