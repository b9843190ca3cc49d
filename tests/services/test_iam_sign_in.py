"""Passwords and MFA devices: what is set counts, what is wrong is refused as AWS refuses it, nothing secret stays."""

import base64
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from kansatsu.identity import opening, passwords, schema, totp
from kansatsu.identity.passwords import PasswordPolicy
from kansatsu.identity.sealing import StoreError

from .conftest import ACCOUNT, NOW, TestClock, World
from .trust import trust

Refused = Callable[..., str]
GOOD, BETTER, BEST = "Correct-horse-1", "Battery-staple-2", "Another-one-3"
VIOLATION = "Password does not conform to the account password policy."


@pytest.fixture
def ana(world: World) -> dict[str, str]:
    return world.user("ana", {"Effect": "Allow", "Action": "iam:*", "Resource": "*"})


# ---- passwords ------------------------------------------------------------------------------------------------------


def test_a_login_profile_lives_and_dies(iam: Any, ana: object, refused: Refused) -> None:
    assert "Login Profile for User ana" in refused("NoSuchEntity", iam.get_login_profile, UserName="ana")
    made = iam.create_login_profile(UserName="ana", Password=GOOD, PasswordResetRequired=True)["LoginProfile"]
    assert made == {"UserName": "ana", "CreateDate": NOW.replace(microsecond=0), "PasswordResetRequired": True}
    assert iam.get_login_profile(UserName="ana")["LoginProfile"] == made
    refused("EntityAlreadyExists", iam.create_login_profile, UserName="ana", Password=GOOD)
    iam.update_login_profile(UserName="ana", PasswordResetRequired=False)
    assert iam.get_login_profile(UserName="ana")["LoginProfile"]["PasswordResetRequired"] is False
    for key in iam.list_access_keys(UserName="ana")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="ana", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="ana", PolicyName="own")
    assert "must delete login profile first" in refused("DeleteConflict", iam.delete_user, UserName="ana")
    iam.delete_login_profile(UserName="ana")
    refused("NoSuchEntity", iam.delete_login_profile, UserName="ana")
    refused("NoSuchEntity", iam.update_login_profile, UserName="ana", Password=GOOD)
    refused("NoSuchEntity", iam.create_login_profile, UserName="nobody", Password=GOOD)
    iam.delete_user(UserName="ana")


def test_how_long_a_session_of_the_console_may_be(world: World, iam: Any, ana: object, refused: Refused) -> None:
    def longest() -> int | None:
        kept: dict[str, int] = iam.get_login_profile(UserName="ana")["LoginProfile"]
        return kept.get("MaxSigninSessionDuration")

    made = iam.create_login_profile(UserName="ana", Password=GOOD, MaxSigninSessionDuration=7200)["LoginProfile"]
    assert made["MaxSigninSessionDuration"] == longest() == 7200
    iam.update_login_profile(UserName="ana", Password=BETTER)
    iam.update_login_profile(UserName="ana", ResetMaxSigninSessionDuration=False)
    assert longest() == 7200
    both = {"MaxSigninSessionDuration": 3600, "ResetMaxSigninSessionDuration": True}
    refused("ValidationError", iam.update_login_profile, UserName="ana", **both)
    iam.update_login_profile(UserName="ana", MaxSigninSessionDuration=7776000)
    assert longest() == 7776000
    for _ in range(2):
        iam.update_login_profile(UserName="ana", ResetMaxSigninSessionDuration=True)
        assert longest() is None
    for wrong in (3599, 7776001):
        refused("ValidationError", iam.update_login_profile, UserName="ana", MaxSigninSessionDuration=wrong)


def test_a_user_changes_its_own_password(world: World, iam: Any, ana: dict[str, str], refused: Refused) -> None:
    own = world.client("iam", ana)
    refused("NoSuchEntity", own.change_password, OldPassword=GOOD, NewPassword=BEST)
    iam.create_login_profile(UserName="ana", Password=GOOD, PasswordResetRequired=True)
    assert "old password" in refused("AccessDenied", own.change_password, OldPassword=BETTER, NewPassword=BEST)
    assert refused("PasswordPolicyViolation", own.change_password, OldPassword=GOOD, NewPassword="short") == VIOLATION
    own.change_password(OldPassword=GOOD, NewPassword=BETTER)
    assert iam.get_login_profile(UserName="ana")["LoginProfile"]["PasswordResetRequired"] is False
    refused("AccessDenied", own.change_password, OldPassword=GOOD, NewPassword=BEST)
    own.change_password(OldPassword=BETTER, NewPassword=BEST)
    job = world.role("job", {"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}})  # fmt: skip
    iam.attach_role_policy(RoleName="job", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    got = world.assume(None, job["Arn"])["Credentials"]
    session = {
        "aws_access_key_id": got["AccessKeyId"],
        "aws_secret_access_key": got["SecretAccessKey"],
        "aws_session_token": got["SessionToken"],
    }
    refused("InvalidUserType", world.client("iam", session).change_password, OldPassword=GOOD, NewPassword=BEST)


RULES = {
    "MinimumPasswordLength": 10,
    "RequireSymbols": True,
    "RequireNumbers": True,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
    "AllowUsersToChangePassword": True,
    "MaxPasswordAge": 90,
    "PasswordReusePrevention": 2,
    "HardExpiry": True,
}


def test_the_policy_of_the_account(iam: Any, ana: object, refused: Refused) -> None:
    assert ACCOUNT in refused("NoSuchEntity", iam.get_account_password_policy)
    refused("NoSuchEntity", iam.delete_account_password_policy)
    iam.update_account_password_policy(**RULES)
    assert iam.get_account_password_policy()["PasswordPolicy"] == RULES | {"ExpirePasswords": True}
    for poor in ("Short-1a", "no-upper-case-1", "NO-LOWER-CASE-1", "No-number-in-it", "NoSymbolInIt1"):
        assert refused("PasswordPolicyViolation", iam.create_login_profile, UserName="ana", Password=poor) == VIOLATION
    iam.create_login_profile(UserName="ana", Password=GOOD)
    iam.update_login_profile(UserName="ana", Password=BETTER)
    for again in (GOOD, BETTER):  # this one and the one before
        refused("PasswordPolicyViolation", iam.update_login_profile, UserName="ana", Password=again)
    iam.update_login_profile(UserName="ana", Password=BEST)
    iam.update_login_profile(UserName="ana", Password=GOOD)  # two others were in between
    iam.update_account_password_policy()
    assert iam.get_account_password_policy()["PasswordPolicy"] == dict.fromkeys(
        (name for name in RULES if name not in ("MaxPasswordAge", "PasswordReusePrevention")), False
    ) | {"MinimumPasswordLength": 6, "ExpirePasswords": False}
    iam.delete_account_password_policy()
    refused("NoSuchEntity", iam.get_account_password_policy)
    refused("ValidationError", iam.update_account_password_policy, MinimumPasswordLength=5)


@pytest.mark.parametrize(
    ("password", "accepted"),
    [("Abcdef1!", True), ("abcdef1!", True), ("abcdefgh", False), ("Abcdefg", False), (ACCOUNT, False)],
)
def test_aws_own_rules(password: str, accepted: bool) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html#default-policy-details"""
    assert passwords.acceptable(None, ACCOUNT, password) is accepted


@given(st.text(max_size=40), st.builds(PasswordPolicy, st.integers(6, 128), *[st.booleans()] * 4))
def test_stricter_rules_accept_no_more(password: str, rules: PasswordPolicy) -> None:
    if rules.accepts(password):
        assert PasswordPolicy(rules.minimum_password_length).accepts(password)


# INVARIANT: neither a password nor a seed can be read from the database or the files.
def test_nothing_secret_is_in_the_files(world: World, iam: Any, ana: object, tmp_path: Path) -> None:
    iam.update_account_password_policy(**RULES)
    iam.create_login_profile(UserName="ana", Password=GOOD)
    iam.update_login_profile(UserName="ana", Password=BETTER)
    iam.update_login_profile(UserName="ana", Password=BEST)
    seed = _seed(iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"])
    with world.store.read() as conn:
        rows = repr(conn.execute(select(schema.credential)).all()).encode()
    assert b"mfa/phone" in rows
    before = _files(tmp_path)  # with what is in a write-ahead log
    world.store.close()
    for content in (rows, *before, *_files(tmp_path)):
        assert not [secret for secret in (GOOD, BETTER, BEST, seed) if secret.encode() in content]
        assert b"$argon2" not in content  # sealed as well: of the password now, and of former ones


def _files(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in (directory / "data").rglob("*") if path.is_file()]


def test_former_passwords_which_an_earlier_version_kept_as_they_are_count_and_are_sealed_by_the_next_start(
    world: World, iam: Any, ana: object, refused: Refused, tmp_path: Path
) -> None:
    iam.create_login_profile(UserName="ana", Password=BETTER)
    world.user("never-changed-it")
    iam.create_login_profile(UserName="never-changed-it", Password=BETTER)
    iam.update_account_password_policy(**RULES)
    [profile] = [each for each in iam.list_users()["Users"] if each["UserName"] == "ana"]
    mine = (schema.credential.c.kind == "password") & (schema.credential.c.owner == profile["UserId"])
    details = select(schema.credential.c.details).where(mine)
    start = functools.partial(
        opening._checked,
        world.store._database,
        (tmp_path / "data" / opening.MASTER_KEY).read_bytes(),
        world.clock,
        tmp_path / "data",
    )
    with world.store.write() as conn:
        written = json.loads(conn.execute(details).scalar_one()) | {"former": [passwords.digest(GOOD)]}
        conn.execute(update(schema.credential).where(mine).values(details=json.dumps(written)))
    start().close()
    with world.store.write() as conn:
        assert "$argon2" in conn.execute(details).scalar_one(), "once is enough: no start looks through them again"
        conn.execute(delete(schema.setting).where(schema.setting.c.name == "former_passwords_sealed"))
    for _ in range(2):
        start().close()
        with world.store.read() as conn:
            assert "$argon2" not in conn.execute(details).scalar_one()
    assert refused("PasswordPolicyViolation", iam.update_login_profile, UserName="ana", Password=GOOD) == VIOLATION
    iam.update_login_profile(UserName="ana", Password=BEST)
    assert refused("PasswordPolicyViolation", iam.update_login_profile, UserName="ana", Password=BETTER) == VIOLATION
    iam.update_login_profile(UserName="ana", Password=GOOD)  # two others were in between
    iam.update_login_profile(UserName="never-changed-it", Password=GOOD)


# ---- MFA devices ----------------------------------------------------------------------------------------------------


def _seed(device: dict[str, Any]) -> str:
    return str(device["Base32StringSeed"].decode())


def _codes(seed: str, clock: TestClock, off: int = 0) -> dict[str, str]:
    step = int(clock.now().timestamp()) // totp.STEP + off
    return {"AuthenticationCode1": totp.code(seed, step - 1), "AuthenticationCode2": totp.code(seed, step)}


def test_codes_are_those_of_the_rfc() -> None:
    """The last six digits of the values in https://www.rfc-editor.org/rfc/rfc6238#appendix-B for SHA-1."""
    seed = base64.b32encode(b"12345678901234567890").decode()
    values = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"}
    assert {at: totp.code(seed, at // totp.STEP) for at in values} == values


def test_a_device_lives_and_dies(world: World, iam: Any, ana: dict[str, str], refused: Refused) -> None:
    tags = [{"Key": "of", "Value": "ana"}]
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone", Path="/p/", Tags=tags)["VirtualMFADevice"]
    serial = f"arn:aws:iam::{ACCOUNT}:mfa/p/phone"
    assert (made["SerialNumber"], made["Tags"]) == (serial, tags)
    assert made["QRCodePNG"].startswith(b"\x89PNG")
    refused("EntityAlreadyExists", iam.create_virtual_mfa_device, VirtualMFADeviceName="phone", Path="/p/")
    [listed] = iam.list_virtual_mfa_devices()["VirtualMFADevices"]
    assert listed == {"SerialNumber": serial, "Tags": tags}
    named = {"UserName": "ana", "SerialNumber": serial}
    wrong = {"AuthenticationCode1": "000000", "AuthenticationCode2": "000000"}
    refused("InvalidAuthenticationCode", iam.enable_mfa_device, **named, **wrong)
    refused("NoSuchEntity", iam.deactivate_mfa_device, **named)
    iam.enable_mfa_device(**named, **_codes(_seed(made), world.clock))
    assert "in use" in refused(
        "EntityAlreadyExists", iam.enable_mfa_device, **named, **_codes(_seed(made), world.clock)
    )
    enabled = named | {"EnableDate": NOW.replace(microsecond=0)}
    assert iam.list_mfa_devices(UserName="ana")["MFADevices"] == [enabled]
    assert world.client("iam", ana).list_mfa_devices()["MFADevices"] == [enabled]
    got = iam.get_mfa_device(SerialNumber=serial, UserName="ana")
    assert {key: got[key] for key in enabled} == enabled
    for status, count in (("Assigned", 1), ("Unassigned", 0), ("Any", 1)):
        assert len(iam.list_virtual_mfa_devices(AssignmentStatus=status)["VirtualMFADevices"]) == count
    [listed] = iam.list_virtual_mfa_devices()["VirtualMFADevices"]
    assert listed["User"]["UserName"] == "ana"
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["MFADevices"], summary["MFADevicesInUse"]) == (1, 1)
    refused("DeleteConflict", iam.delete_virtual_mfa_device, SerialNumber=serial)
    refused("InvalidAuthenticationCode", iam.resync_mfa_device, **named, **wrong)
    iam.resync_mfa_device(**named, **_codes(_seed(made), world.clock, off=20))
    iam.deactivate_mfa_device(**named)
    assert iam.list_mfa_devices(UserName="ana")["MFADevices"] == []
    iam.untag_mfa_device(SerialNumber=serial, TagKeys=["of"])
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == []
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    refused("NoSuchEntity", iam.delete_virtual_mfa_device, SerialNumber=serial)


def test_a_user_has_eight_devices_at_most(world: World, iam: Any, ana: object, refused: Refused) -> None:
    for number in range(9):
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName=f"d{number}")["VirtualMFADevice"]
        asked = {"UserName": "ana", "SerialNumber": made["SerialNumber"]} | _codes(_seed(made), world.clock)
        if number < 8:
            iam.enable_mfa_device(**asked)
        else:
            refused("LimitExceeded", iam.enable_mfa_device, **asked)


def test_a_device_is_tagged_by_who_may(world: World, iam: Any, refused: Refused) -> None:
    keys = world.user("maker", {"Effect": "Allow", "Action": "iam:CreateVirtualMFADevice", "Resource": "*"})
    tagged = {"VirtualMFADeviceName": "d", "Tags": [{"Key": "k", "Value": "v"}]}
    assert "iam:TagMFADevice" in refused("AccessDenied", world.client("iam", keys).create_virtual_mfa_device, **tagged)


def _proved(world: World, keys: dict[str, str], serial: str, code: str) -> str:
    try:
        world.client("sts", keys).get_session_token(SerialNumber=serial, TokenCode=code)
    except ClientError as error:
        return str(error.response["Error"]["Message"])
    return ""


# INVARIANT: a code counts once, for its user alone, about the time that its device shows; guessing it is slow.
def test_codes_that_count(world: World, iam: Any, ana: dict[str, str], clock: TestClock) -> None:
    eve = world.user("eve", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    serial, seed = made["SerialNumber"], _seed(made)

    def code(off: int = 0) -> str:
        return totp.code(seed, int(clock.now().timestamp()) // totp.STEP + off)

    assert "associated with this user" in _proved(world, ana, serial, code())
    iam.enable_mfa_device(UserName="ana", SerialNumber=serial, **_codes(seed, clock))
    assert "invalid MFA one time pass code" in _proved(world, ana, serial, code()), "used to enable it"
    clock.move(seconds=90)
    assert "associated with this user" in _proved(world, eve, serial, code())
    assert "associated with this user" in _proved(world, ana, f"arn:aws:iam::{ACCOUNT}:mfa/other", code())
    seen = code()
    assert _proved(world, ana, serial, seen) == ""
    assert "invalid" in _proved(world, ana, serial, seen), "seen by somebody and used again"
    clock.move(seconds=120)
    for old in (-3, -2, 2, 3):
        assert "invalid" in _proved(world, ana, serial, code(old))
    assert _proved(world, ana, serial, code(1)) == ""
    clock.move(seconds=600)
    for _ in range(10):
        assert "invalid" in _proved(world, ana, serial, "000000" if code() != "000000" else "111111")
    assert "invalid" in _proved(world, ana, serial, code()), "after so many guesses even the right one has to wait"
    clock.move(seconds=600)
    assert _proved(world, ana, serial, code()) == ""


def test_attack_codes_are_guessed_at_a_role(
    world: World, iam: Any, ana: dict[str, str], clock: TestClock, refused: Refused
) -> None:
    """Nothing but the code is wrong, which is the last that is looked at: each guess counts all the same."""
    seed, serial = _device(iam, clock)
    role = world.role("r", trust("*", Bool={"aws:MultiFactorAuthPresent": "true"}))["Arn"]
    sts = world.client("sts", ana)
    asked = {"RoleArn": role, "RoleSessionName": "ss", "SerialNumber": serial}
    clock.move(seconds=600)

    def code() -> str:
        return totp.code(seed, int(clock.now().timestamp()) // totp.STEP)

    for _ in range(10):
        wrong = "000000" if code() != "000000" else "111111"
        assert "invalid" in refused("AccessDenied", sts.assume_role, **asked, TokenCode=wrong)
    assert "invalid" in refused("AccessDenied", sts.assume_role, **asked, TokenCode=code()), "the right one has to wait"
    clock.move(seconds=600)
    sts.assume_role(**asked, TokenCode=code())


def _device(iam: Any, clock: TestClock) -> tuple[str, str]:
    """One that ana has: its seed and its serial number."""
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    iam.enable_mfa_device(UserName="ana", SerialNumber=made["SerialNumber"], **_codes(_seed(made), clock))
    return _seed(made), made["SerialNumber"]


def test_a_database_of_another_does_not_lend_its_seeds(world: World, iam: Any, ana: object) -> None:
    """Whoever writes to the database cannot put his own seed in another's device: a sealed secret is its row's."""
    mine, theirs = (
        iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"] for name in ("mine", "theirs")
    )
    kept = schema.credential.c
    with world.store.write() as conn:
        sealed = conn.execute(select(kept.secret).where(kept.name == mine["SerialNumber"])).scalar_one()
        conn.execute(update(schema.credential).where(kept.name == theirs["SerialNumber"]).values(secret=sealed))
    with pytest.raises(StoreError):
        iam.enable_mfa_device(UserName="ana", SerialNumber=theirs["SerialNumber"], **_codes(_seed(mine), world.clock))
