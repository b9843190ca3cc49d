"""Account settings of ECS: of those whose effect is there, what somebody said and what holds.

Only what ECS does here can be chosen; a setting that asks for something else is refused and not kept.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from kansatsu.catalog import Authorization
from kansatsu.errors import InvalidParameterException, Unimplemented
from kansatsu.identity import schema
from kansatsu.services.ecs import _pages
from kansatsu.services.ecs._resources import place_of
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload.tasks import documents

# What holds where nobody said anything, and the one value that can be said.
_VALUES = {
    "awsvpcTrunking": "disabled",
    "containerInsights": "disabled",
    "containerInstanceLongArnFormat": "enabled",
    "defaultLogDriverMode": "non-blocking",
    "fargateFIPSMode": "disabled",
    "serviceLongArnFormat": "enabled",
    "tagResourceAuthorization": "on",
    "taskLongArnFormat": "enabled",
}


@dataclass(frozen=True, slots=True)
class _Setting:
    """What was said for one principal in one Region. `created` is epoch seconds."""

    id: str
    account: str
    created: float
    region: str
    principal: str
    name: str
    value: str

    def shown(self) -> dict[str, str]:
        return {"name": self.name, "value": self.value, "principalArn": self.principal, "type": "user"}


def _check(action: str, member: str = "name") -> Any:
    def check(_call: Call, params: Params) -> Authorization:
        return Authorization(f"ecs:{action}", "*", {"ecs:account-setting": params[member]}, True)

    return check


@operation("ecs", "PutAccountSetting", resource=_check("PutAccountSetting"), write=True)
def put_account_setting(call: Call, name: str, value: str, principal_arn: str | None = None) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutAccountSetting.html"""
    return _put(call, name, value, _principal(call, principal_arn))


@operation("ecs", "PutAccountSettingDefault", resource=_check("PutAccountSettingDefault"), write=True)
def put_account_setting_default(call: Call, name: str, value: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutAccountSettingDefault.html"""
    return _put(call, name, value, _root(call))


@operation("ecs", "DeleteAccountSetting", resource=_check("DeleteAccountSetting"), write=True)
def delete_account_setting(call: Call, name: str, principal_arn: str | None = None) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteAccountSetting.html"""
    setting = _made(call, name, _value(name), _principal(call, principal_arn))
    documents.forget(call.conn, schema.account_setting, setting.id)
    return {"setting": setting.shown()}


@operation("ecs", "ListAccountSettings")
def list_account_settings(
    call: Call,
    name: str | None = None,
    value: str | None = None,
    principal_arn: str | None = None,
    effective_settings: bool = False,
    next_token: str | None = None,
    max_results: int | None = None,
) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListAccountSettings.html"""
    principal = _principal(call, principal_arn)
    said = {each.name: each for each in _said(call.conn, call) if each.principal == principal}
    if effective_settings:
        said = {each: said.get(each) or _made(call, each, _VALUES[each], principal) for each in _VALUES}
    wanted = [each for each in said.values() if name in (None, each.name) and value in (None, each.value)]
    found = _pages.page("settings", [(each.name, each.name) for each in wanted], next_token, max_results)
    return found | {"settings": [said[each].shown() for each in found["settings"]]}


def _said(conn: Connection, call: Call) -> list[_Setting]:
    here = (call.account, call.region)
    rows = documents.load(conn, schema.account_setting, _Setting)
    return [each for each in rows if (each.account, each.region) == here]


def _put(call: Call, name: str, value: str, principal: str) -> dict[str, Any]:
    possible = _value(name)
    if value != possible:
        raise Unimplemented(f"The value {value} of {name} is not implemented: here it is always {possible}.")
    setting = _made(call, name, value, principal)
    documents.forget(call.conn, schema.account_setting, setting.id)
    documents.save(call.conn, schema.account_setting, setting, new=True)
    return {"setting": setting.shown()}


def _value(name: str) -> str:
    if name not in _VALUES:
        raise Unimplemented(f"The account setting {name} is not implemented.")
    return _VALUES[name]


def _made(call: Call, name: str, value: str, principal: str) -> _Setting:
    parts = (call.account, call.region, principal, name)
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    return _Setting(key, call.account, call.now.timestamp(), call.region, principal, name, value)


def _principal(call: Call, given: str | None) -> str:
    """Whose settings are meant: the caller's own role or user, or one of the account."""
    if given is None:
        entity = call.snapshot.entity(call.caller.id)
        return entity.arn if entity is not None else _root(call)
    if not given.startswith(f"arn:aws:iam::{call.account}:"):
        raise InvalidParameterException(f"{given} is no principal of this account.")
    return given


def _root(call: Call) -> str:
    return f"arn:aws:iam::{place_of(call).account}:root"
