"""Virtual MFA devices: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateVirtualMFADevice.html

A device is a seed that the account holds; enabled for a user, its codes count when sessions are asked for. Hardware
tokens and passkeys are not implemented: their serial numbers are nobody's.
"""

import io
import secrets
from typing import Any
from urllib.parse import quote, urlencode

import segno

from kansatsu import arn
from kansatsu.errors import AwsError, DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity
from kansatsu.identity import aliases, credentials, entities, totp
from kansatsu.identity import tags as held
from kansatsu.identity.credentials import Credential
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call

PER_USER = 8  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
KIND = "mfa"


locate = _resources.credential(KIND, "SerialNumber", lambda _account, serial: serial)


@iam("CreateVirtualMFADevice", _resources.new("mfa"), write=True)
def create_virtual_mfa_device(
    call: Call, virtual_mfa_device_name: str, path: str = "/", tags: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    serial = arn.entity(call.account, KIND, path, virtual_mfa_device_name)
    if credentials.named(call.conn, call.account, KIND, serial) is not None:
        raise EntityAlreadyExists("MFADevice entity at the same path and name already exists.")
    call.store.quotas.check_room("VirtualMFADevicesPerAccount", call.conn, call.account, KIND)
    seed = totp.seed()
    made = Credential(
        f"{KIND}:{secrets.token_hex(16)}", call.account, KIND, "", serial, "Inactive", call.now.timestamp()
    )
    credentials.add(call.conn, call.store.sealer, made, seed)
    held.put(call.conn, made.id, _render.pairs(tags))
    account = aliases.of(call.conn, call.account) or call.account
    shown = _serial(call, made) | {
        "Base32StringSeed": seed.encode(),
        "QRCodePNG": _qr_code(virtual_mfa_device_name, account, seed),
    }
    return {"VirtualMFADevice": shown}


def _qr_code(name: str, account: str, seed: str) -> bytes:
    """https://github.com/google/google-authenticator/wiki/Key-Uri-Format, in the words of AWS's page."""
    label = quote(f"Amazon Web Services:{name}@{account}")
    text = f"otpauth://totp/{label}?{urlencode({'secret': seed, 'issuer': 'Amazon Web Services'})}"
    image = io.BytesIO()
    segno.make_qr(text).save(image, kind="png", scale=4)
    return image.getvalue()


@iam("DeleteVirtualMFADevice", locate, write=True)
def delete_virtual_mfa_device(call: Call, serial_number: str) -> dict[str, Any]:
    device = existing(call, serial_number)
    if device.owner:
        raise DeleteConflict("MFA VirtualDevice in use. Must deactivate first.")
    credentials.remove(call.conn, device)
    return {}


@iam("ListVirtualMFADevices", _resources.everything)
def list_virtual_mfa_devices(
    call: Call, assignment_status: str = "Any", marker: str | None = None, max_items: int | None = None
) -> dict[str, Any]:
    cursor = Cursor.of("ListVirtualMFADevices", marker, max_items)
    found = [
        (device.name.lower(), device)
        for device in credentials.every(call.conn, call.account, KIND)
        if assignment_status == "Any" or bool(device.owner) == (assignment_status == "Assigned")
    ]
    return _render.page("VirtualMFADevices", cursor.cut(found), lambda device: _virtual(call, device))


@iam("EnableMFADevice", _resources.entity("user"), write=True)
def enable_mfa_device(
    call: Call, user_name: str, serial_number: str, authentication_code1: str, authentication_code2: str
) -> dict[str, Any]:
    user = entities.get(call.conn, call.account, "user", user_name)
    device = existing(call, serial_number)
    if device.owner:
        raise EntityAlreadyExists("MFA Device is already in use.")
    if len(credentials.owned(call.conn, user.id, KIND)) >= PER_USER:
        raise LimitExceeded(f"Cannot exceed quota for MFADevicesPerUser: {PER_USER}")
    _synchronize(call, device, authentication_code1, authentication_code2, owner=user.id, status="Active")
    return {}


@iam("ResyncMFADevice", _resources.entity("user"), write=True)
def resync_mfa_device(
    call: Call, user_name: str, serial_number: str, authentication_code1: str, authentication_code2: str
) -> dict[str, Any]:
    device = _of_user(call, entities.get(call.conn, call.account, "user", user_name), serial_number)
    _synchronize(call, device, authentication_code1, authentication_code2)
    return {}


@iam("DeactivateMFADevice", _resources.entity("user"), write=True)
def deactivate_mfa_device(call: Call, serial_number: str, user_name: str | None = None) -> dict[str, Any]:
    device = _of_user(call, _resources.user(call, user_name), serial_number)
    credentials.change(call.conn, call.store.sealer, device, owner="", status="Inactive")
    return {}


@iam("ListMFADevices", _resources.entity("user"))
def list_mfa_devices(
    call: Call, user_name: str | None = None, marker: str | None = None, max_items: int | None = None
) -> dict[str, Any]:
    cursor = Cursor.of("ListMFADevices", marker, max_items)
    user = _resources.user(call, user_name)
    devices = credentials.owned(call.conn, user.id, KIND)
    return _render.page("MFADevices", cursor.cut([(item.name.lower(), item) for item in devices]), _of(user))


@iam("GetMFADevice", _resources.entity("user"))
def get_mfa_device(call: Call, serial_number: str, user_name: str | None = None) -> dict[str, Any]:
    user = _resources.user(call, user_name)
    device = _of_user(call, user, serial_number)
    return {"UserName": user.name, "SerialNumber": device.name, "EnableDate": _render.when(device.details["enabled"])}


def _synchronize(call: Call, device: Credential, first: str, second: str, **fields: Any) -> None:
    """Believe two consecutive codes, and from then on the device's clock."""
    now = call.now.timestamp()
    off = totp.consecutive(credentials.secret(call.conn, call.store.sealer, device).value, first, second, now)
    if off is None:
        raise AwsError("Authentication code for device is not valid.", code="InvalidAuthenticationCode", status=403)
    details = {"off": off, "used": int(now) // totp.STEP + off}
    if fields:
        details["enabled"] = int(now)
    credentials.change(call.conn, call.store.sealer, device, details=details, **fields)


def existing(call: Call, serial: str) -> Credential:
    device = credentials.named(call.conn, call.account, KIND, serial)
    if device is None:
        raise NoSuchEntity(f"VirtualMFADevice with serial number {serial} does not exist.")
    return device


def _of_user(call: Call, user: Entity, serial: str) -> Credential:
    device = credentials.named(call.conn, call.account, KIND, serial)
    if device is None or device.owner != user.id:
        raise NoSuchEntity(f"Device with serial number {serial} not found for user {user.name}.")
    return device


def _of(user: Entity) -> Any:
    return lambda device: {
        "UserName": user.name,
        "SerialNumber": device.name,
        "EnableDate": _render.when(device.details["enabled"]),
    }


def _serial(call: Call, device: Credential) -> dict[str, Any]:
    tags = held.of(call.conn, device.id)
    return {"SerialNumber": device.name} | ({"Tags": _render.tags(tags)} if tags else {})


def _virtual(call: Call, device: Credential) -> dict[str, Any]:
    shown = _serial(call, device)
    user = entities.by_id(call.conn, device.owner) if device.owner else None
    if user is None:
        return shown
    return shown | {"User": _render.entity(user), "EnableDate": _render.when(device.details["enabled"])}
