"""Service-specific credentials: a user name and password for a service that does not sign its requests.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html
Those of CodeCommit and Keyspaces; API keys of Bedrock and CloudWatch Logs are bearer tokens, which nothing here takes.
"""

import secrets
from typing import Any

from kansatsu.errors import AwsError, LimitExceeded, NoSuchEntity, ValidationError
from kansatsu.identity import credentials, entities, ids
from kansatsu.identity.credentials import Credential
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call, Params

KIND = "service"
SERVICES = ("codecommit.amazonaws.com", "cassandra.amazonaws.com")
PER_SERVICE = 2
_PASSWORD_BYTES = 33


def located(call: Call, params: Params) -> _resources.Target:
    """The user, and which service it is about: of the request, or of the credential that it names."""
    target, context = _resources.entity("user")(call, params)
    name = params.get("UserName") or _resources.caller_name(call)
    user = entities.find(call.conn, call.account, "user", name)
    named = params.get("ServiceSpecificCredentialId")
    held = credentials.owned(call.conn, user.id, KIND) if user is not None and named else []
    services = [params["ServiceName"]] if "ServiceName" in params else []
    services += [item.details["service"] for item in held if item.id == named]
    if services:
        context["iam:servicespecificcredentialservicename"] = services[0]
    return target, context


@iam("CreateServiceSpecificCredential", located, write=True)
def create_service_specific_credential(
    call: Call, user_name: str, service_name: str, credential_age_days: int | None = None
) -> dict[str, Any]:
    user = _resources.user(call, user_name)
    _check(service_name)
    if credential_age_days is not None:
        raise ValidationError(f"CredentialAgeDays is only valid for long-term API keys, which {service_name} has not.")
    mine = [item for item in credentials.owned(call.conn, user.id, KIND) if item.details["service"] == service_name]
    if len(mine) >= PER_SERVICE:
        raise LimitExceeded(f"Cannot exceed quota for ServiceSpecificCredentialsPerUser: {PER_SERVICE}")
    new, now, password = ids.new_id("ACCA"), int(call.now.timestamp()), secrets.token_urlsafe(_PASSWORD_BYTES)
    details = {"service": service_name, "user": _name(call, user, service_name)}
    made = Credential(new, call.account, KIND, user.id, new, "Active", now, details)
    credentials.add(call.conn, call.store.sealer, made, password)
    return {"ServiceSpecificCredential": _show(user, made) | {"ServicePassword": password}}


def _listed(call: Call, params: Params) -> _resources.Target:
    return _resources.below("user")(call, {}) if params.get("AllUsers") else _resources.entity("user")(call, params)


@iam("ListServiceSpecificCredentials", _listed)
def list_service_specific_credentials(
    call: Call,
    user_name: str | None = None,
    service_name: str | None = None,
    all_users: bool = False,
    marker: str | None = None,
    max_items: int | None = None,
) -> dict[str, Any]:
    if all_users and user_name is not None:
        raise ValidationError("UserName and AllUsers cannot be specified together.")
    owner = None if all_users else _resources.user(call, user_name)
    if service_name is not None:
        _check(service_name)
    cursor = Cursor.of("ListServiceSpecificCredentials", marker, max_items)
    held = credentials.owned(call.conn, owner.id, KIND) if owner else credentials.every(call.conn, call.account, KIND)
    found = [(item.id, item) for item in held if service_name in (None, item.details["service"])]

    def show(item: Credential) -> dict[str, Any]:
        user = owner or entities.by_id(call.conn, item.owner)
        assert user is not None  # noqa: S101 - credentials go with their user
        return _show(user, item)

    return _render.page("ServiceSpecificCredentials", cursor.cut(found), show)


@iam("UpdateServiceSpecificCredential", located, write=True)
def update_service_specific_credential(
    call: Call, service_specific_credential_id: str, status: str, user_name: str | None = None
) -> dict[str, Any]:
    found = _existing(call, _resources.user(call, user_name), service_specific_credential_id)
    credentials.change(call.conn, call.store.sealer, found, status=status)
    return {}


@iam("ResetServiceSpecificCredential", located, write=True)
def reset_service_specific_credential(
    call: Call, service_specific_credential_id: str, user_name: str | None = None
) -> dict[str, Any]:
    user = _resources.user(call, user_name)
    found = _existing(call, user, service_specific_credential_id)
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    credentials.change(call.conn, call.store.sealer, found, secret=password)
    return {"ServiceSpecificCredential": _show(user, found) | {"ServicePassword": password}}


@iam("DeleteServiceSpecificCredential", located, write=True)
def delete_service_specific_credential(
    call: Call, service_specific_credential_id: str, user_name: str | None = None
) -> dict[str, Any]:
    credentials.remove(call.conn, _existing(call, _resources.user(call, user_name), service_specific_credential_id))
    return {}


def _check(service: str) -> None:
    if service not in SERVICES:
        raise AwsError(f"No such service {service} is supported", code="NotSupportedService", status=404)


def _name(call: Call, user: Entity, service: str) -> str:
    """ana-at-123456789012, then ana+1-at-123456789012."""
    taken = {
        item.details["user"]
        for item in credentials.owned(call.conn, user.id, KIND)
        if item.details["service"] == service
    }
    names = (f"{user.name}{more}-at-{call.account}" for more in ("", *(f"+{n}" for n in range(1, PER_SERVICE + 1))))
    return next(name for name in names if name not in taken)


def _existing(call: Call, user: Entity, id: str) -> Credential:
    for item in credentials.owned(call.conn, user.id, KIND):
        if item.id == id:
            return item
    raise NoSuchEntity(f"No such credential {id} exists")


def _show(user: Entity, item: Credential) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "Status": item.status,
        "CreateDate": _render.when(item.created),
        "ServiceName": item.details["service"],
        "ServiceUserName": item.details["user"],
        "ServiceSpecificCredentialId": item.id,
    }
