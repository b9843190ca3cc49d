"""What the control API shows of a workload of any kind: its role, its credentials, its trouble."""

from datetime import UTC, datetime
from typing import Any

from kansatsu.services.registry import Call
from kansatsu.workload.views import CredentialError, CredentialsState


def trouble(state: CredentialsState) -> str:
    """Why there are no credentials; "" where there are."""
    return f"{state.code}: {state.message}" if isinstance(state, CredentialError) else ""


def issued(call: Call, key: str, delivery: str) -> dict[str, Any]:
    """The newest credentials under that key of the issuer; {} where there are none."""
    kept = call.workload.issuer.kept(key)
    if kept is None:
        return {}
    shown: dict[str, Any] = {
        "AccessKeyId": kept.access_key_id,
        "Issued": kept.last_updated,
        "Expiration": kept.expiration,
    }
    if use := call.workload.issuer.last_use(kept.access_key_id):
        shown |= {"LastUsed": use.time} | ({"LastUsedService": use.service} if use.service else {})
    return shown | ({"Delivery": delivery} if delivery else {})


def role_shown(call: Call, role_id: str) -> dict[str, Any]:
    """The role by that id, and when it was used last; {} where it is gone."""
    role = call.store.snapshot().entity(role_id)
    if role is None:
        return {}
    shown: dict[str, Any] = {"Name": role.name, "Arn": role.arn}
    used = call.recorder.last_used(role.id)
    if used is not None:
        shown["LastUsed"] = datetime.fromtimestamp(used.time, UTC)
    return {"Role": shown}
