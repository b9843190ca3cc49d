"""Access keys: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html and its neighbours."""

from typing import Any

from kansatsu import arn
from kansatsu.errors import ValidationError
from kansatsu.identity import console, entities, keys
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call, Params


@iam("CreateAccessKey", _resources.entity("user"), write=True)
def create_access_key(call: Call, user_name: str | None = None) -> dict[str, Any]:
    user = _resources.user(call, user_name)
    key, secret = keys.create(call.conn, call.store.sealer, user, int(call.now.timestamp()), call.store.quotas)
    return {"AccessKey": _show(user, key) | {"SecretAccessKey": secret}}


@iam("ListAccessKeys", _resources.entity("user"))
def list_access_keys(
    call: Call, user_name: str | None = None, marker: str | None = None, max_items: int | None = None
) -> dict[str, Any]:
    cursor = Cursor.of("ListAccessKeys", marker, max_items)
    user = _resources.user(call, user_name)
    found = cursor.cut([(key.id, key) for key in keys.of(call.conn, user)])
    return _render.page("AccessKeyMetadata", found, lambda key: _show(user, key))


@iam("UpdateAccessKey", _resources.entity("user"), write=True)
def update_access_key(call: Call, access_key_id: str, status: str, user_name: str | None = None) -> dict[str, Any]:
    if status not in ("Active", "Inactive"):
        # The model also knows "Expired", which only AWS itself sets.
        raise ValidationError(
            f"1 validation error detected: Value '{status}' at 'status' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Active, Inactive]"
        )
    key = keys.get(call.conn, _resources.user(call, user_name), access_key_id)
    keys.set_status(call.conn, key, status)
    if status == "Inactive":
        console.end_with_key(call.conn, key)
    return {}


@iam("DeleteAccessKey", _resources.entity("user"), write=True)
def delete_access_key(call: Call, access_key_id: str, user_name: str | None = None) -> dict[str, Any]:
    keys.remove(call.conn, keys.get(call.conn, _resources.user(call, user_name), access_key_id))
    return {}


def _owner_of_key(call: Call, params: Params) -> _resources.Target:
    key = keys.find(call.conn, params["AccessKeyId"])
    user = entities.by_id(call.conn, key.user_id) if key is not None else None
    if user is None or user.account != call.account or user.kind != "user":
        return arn.iam(call.account, "user/*"), {}
    return _resources.entity("user")(call, {"UserName": user.name})


@iam("GetAccessKeyLastUsed", _owner_of_key)
def get_access_key_last_used(call: Call, access_key_id: str) -> dict[str, Any]:
    key = keys.find(call.conn, access_key_id)
    user = entities.by_id(call.conn, key.user_id) if key is not None else None
    if user is None or user.account != call.account:
        raise keys.missing(access_key_id)
    last = call.recorder.key_last_used(access_key_id)
    if last is None:
        return {"UserName": user.name, "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}
    used = {"LastUsedDate": _render.when(last.time), "ServiceName": last.service, "Region": last.region}
    return {"UserName": user.name, "AccessKeyLastUsed": used}


def _show(user: Entity, key: keys.Key) -> dict[str, Any]:
    return {
        **({"UserName": user.name} if user.kind == "user" else {}),
        "AccessKeyId": key.id,
        "Status": key.status,
        "CreateDate": _render.when(key.created),
    }
