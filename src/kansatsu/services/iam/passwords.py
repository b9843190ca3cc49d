"""Login profiles and the password policy: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html

Hashing takes tens of milliseconds and has no transaction open: these operations read, hash in a thread, then write.
"""

import asyncio
import json
from dataclasses import asdict
from typing import Any, NamedTuple

from botocore import xform_name
from sqlalchemy import Connection

from kansatsu.catalog import Authorization
from kansatsu.errors import AccessDenied, AwsError, EntityAlreadyExists, NoSuchEntity, Throttling, ValidationError
from kansatsu.identity import credentials, entities, former, guesses, passwords, roots
from kansatsu.identity.console import LONGEST
from kansatsu.identity.credentials import Credential
from kansatsu.identity.entities import Entity
from kansatsu.identity.passwords import PasswordPolicy
from kansatsu.policy import Policy, PolicyType, Source, compile_policy, parse
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call, Params, operation

_KIND = "password"
_RULES = (
    "MinimumPasswordLength",
    "RequireSymbols",
    "RequireNumbers",
    "RequireUppercaseCharacters",
    "RequireLowercaseCharacters",
    "AllowUsersToChangePassword",
    "MaxPasswordAge",
    "PasswordReusePrevention",
    "HardExpiry",
)


# ---- the policy of the account --------------------------------------------------------------------------------------


@iam("UpdateAccountPasswordPolicy", _resources.everything, write=True)
def update_account_password_policy(
    call: Call,
    *,
    minimum_password_length: int = 6,
    require_symbols: bool = False,
    require_numbers: bool = False,
    require_uppercase_characters: bool = False,
    require_lowercase_characters: bool = False,
    allow_users_to_change_password: bool = False,
    max_password_age: int = 0,
    password_reuse_prevention: int = 0,
    hard_expiry: bool = False,
) -> dict[str, Any]:
    """All rules at once: one that is left out is none.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html
    """
    rules = PasswordPolicy(
        minimum_password_length,
        require_symbols,
        require_numbers,
        require_uppercase_characters,
        require_lowercase_characters,
        allow_users_to_change_password,
        max_password_age,
        password_reuse_prevention,
        hard_expiry,
    )
    passwords.put_policy(call.conn, call.account, rules)
    return {}


@iam("GetAccountPasswordPolicy", _resources.everything)
def get_account_password_policy(call: Call) -> dict[str, Any]:
    rules = passwords.policy(call.conn, call.account)
    if rules is None:
        raise NoSuchEntity(f"The Password Policy with domain name {call.account} cannot be found.")
    held = asdict(rules)
    shown = {name: held[xform_name(name)] for name in _RULES}
    shown |= {"ExpirePasswords": rules.max_password_age > 0}
    for absent in ("MaxPasswordAge", "PasswordReusePrevention"):
        if not shown[absent]:
            del shown[absent]
    return {"PasswordPolicy": shown}


@iam("DeleteAccountPasswordPolicy", _resources.everything, write=True)
def delete_account_password_policy(call: Call) -> dict[str, Any]:
    if not passwords.remove_policy(call.conn, call.account):
        raise NoSuchEntity("The account policy with name PasswordPolicy cannot be found.")
    return {}


# ---- login profiles -------------------------------------------------------------------------------------------------


class Wanted(NamedTuple):
    """A password that keeps to the rules, hashed, and the hashes of those before it, the newest first."""

    hashed: str
    former: list[str]


@iam("CreateLoginProfile", _resources.entity("user"))
async def create_login_profile(
    call: Call,
    *,
    user_name: str | None = None,
    password: str | None = None,
    password_reset_required: bool = False,
    max_signin_session_duration: int | None = None,
) -> dict[str, Any]:
    if user_name is None and call.caller.kind == roots.KIND:
        if max_signin_session_duration is not None:
            raise ValidationError("MaxSigninSessionDuration is not supported for the root user.")
        made = await call.store.transact(_recover, call)
        return {"LoginProfile": _show(roots.KIND, made)}
    name = user_name or _resources.caller_name(call)
    if password is None:
        raise ValidationError("Password is required to create a login profile.")
    with call.store.read() as conn:
        user = entities.get(conn, call.account, "user", name)
        if _profile(conn, user) is not None:
            raise _taken(user)
        rules = passwords.policy(conn, call.account)
    wanted = await asyncio.to_thread(_hash, rules, call.account, password, [])
    details = {"reset": password_reset_required, LONGEST: max_signin_session_duration}
    made = await call.store.transact(_create, call, name, wanted, details)
    return {"LoginProfile": _show(name, made)}


def _create(conn: Connection, call: Call, name: str, wanted: Wanted, details: dict[str, Any]) -> Credential:
    user = entities.get(conn, call.account, "user", name)
    if _profile(conn, user) is not None:
        raise _taken(user)
    now = int(call.now.timestamp())
    details = {**details, "changed": now, "former": []}
    new = Credential(f"{_KIND}:{user.id}", call.account, _KIND, user.id, user.id, "Active", now, details)
    return credentials.add(conn, call.store.sealer, new, wanted.hashed)


def _recover(conn: Connection, call: Call) -> Credential:
    """The root user may set a password again, which none is as yet: here it cannot sign in, with any.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html
    """
    root = roots.ensure(conn, call.account, call.now.timestamp())
    if _profile(conn, root) is not None:
        raise _taken(root)
    now = int(call.now.timestamp())
    details = {"reset": True, "changed": now, "former": []}
    new = Credential(f"{_KIND}:{root.id}", call.account, _KIND, root.id, root.id, "Active", now, details)
    return credentials.add(conn, call.store.sealer, new)


@iam("GetLoginProfile", _resources.entity("user"))
def get_login_profile(call: Call, user_name: str | None = None) -> dict[str, Any]:
    user = _resources.user(call, user_name)
    return {"LoginProfile": _show(user.name, _existing(call.conn, user))}


@iam("UpdateLoginProfile", _resources.entity("user"))
async def update_login_profile(
    call: Call,
    *,
    user_name: str,
    password: str | None = None,
    password_reset_required: bool | None = None,
    max_signin_session_duration: int | None = None,
    reset_max_signin_session_duration: bool = False,
) -> dict[str, Any]:
    check_sign_in(max_signin_session_duration, reset=reset_max_signin_session_duration)
    details: dict[str, Any] = {} if password_reset_required is None else {"reset": password_reset_required}
    if max_signin_session_duration is not None or reset_max_signin_session_duration:
        details[LONGEST] = max_signin_session_duration
    if password is not None:
        await _replace(call, user_name, password, details)
    else:
        await call.store.transact(_change, call, user_name, None, details)
    return {}


@iam("DeleteLoginProfile", _resources.entity("user"), write=True)
def delete_login_profile(call: Call, user_name: str | None = None) -> dict[str, Any]:
    user = _resources.user(call, user_name)
    credentials.remove(call.conn, _existing(call.conn, user))
    return {}


def _itself(call: Call, _params: Params) -> Authorization:
    if call.caller.kind != "user":
        return Authorization("iam:ChangePassword", "*")
    rules = passwords.policy(call.conn, call.account)
    granted = _granted(call.caller.arn) if rules is not None and rules.allow_users_to_change_password else None
    return Authorization("iam:ChangePassword", call.caller.arn, granted=granted)


def _granted(user: str) -> Policy:
    """INVARIANT: the account's rule lets each user change its own password and nobody else's.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_enable-user-change.html
    """
    statement = {"Effect": "Allow", "Action": "iam:ChangePassword", "Resource": user}
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    return compile_policy(parse(text), Source(PolicyType.IDENTITY, owner=user, name="AllowUsersToChangePassword"))


@operation("iam", "ChangePassword", resource=_itself)
async def change_password(call: Call, old_password: str, new_password: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ChangePassword.html"""
    if call.caller.kind != "user":
        raise AwsError("Only IAM Users can change their own password", code="InvalidUserType")
    await _replace(call, call.caller.name, new_password, {"reset": False}, old_password)
    return {}


def check_sign_in(longest: int | None, *, reset: bool) -> None:
    """MaxSigninSessionDuration is set or unset, of users and of roles. Raises ValidationError for both at once."""
    if longest is not None and reset:
        raise ValidationError(
            "MaxSigninSessionDuration and ResetMaxSigninSessionDuration cannot both be in the same request."
        )


async def _replace(call: Call, name: str, password: str, details: dict[str, Any], known: str | None = None) -> None:
    """Set a password; whoever knows the one of now, and not more, has to give it.

    INVARIANT: what was checked against one password takes the place of that one alone: where another was set meanwhile,
    such as by an administrator who locks somebody out, all is checked again against that.
    """
    done = False
    while not done:
        with call.store.read() as conn:
            profile = _existing(conn, entities.get(conn, call.account, "user", name))
            rules = passwords.policy(conn, call.account)
            sealer = call.store.sealer
            hashes = [credentials.secret(conn, sealer, profile).value, *former.opened(sealer, profile)]
        if known is not None:
            await call.store.transact(_count, call, name)
            if not await asyncio.to_thread(passwords.matches, hashes[0], known):
                raise AccessDenied("The old password was incorrect.")
            await call.store.transact(_change, call, name, None, dict(guesses.NONE))
        wanted = await asyncio.to_thread(_hash, rules, call.account, password, hashes)
        done = await call.store.transact(_change, call, name, wanted, details)


def _count(conn: Connection, call: Call, name: str) -> None:
    """INVARIANT: a guess counts before it is looked at, so that many at once are no way around the wait."""
    profile, now = _existing(conn, entities.get(conn, call.account, "user", name)), call.now.timestamp()
    if guesses.must_wait(profile.details, now):
        raise Throttling("Rate exceeded")
    credentials.change(conn, call.store.sealer, profile, details=guesses.another(profile.details, now))


def _hash(rules: PasswordPolicy | None, account: str, password: str, hashes: list[str]) -> Wanted:
    """Raises PasswordPolicyViolation. `hashes`: of the password now and of former ones, the newest first."""
    again = rules.password_reuse_prevention if rules is not None else 0
    if not passwords.acceptable(rules, account, password) or any(
        passwords.matches(known, password) for known in hashes[:again]
    ):
        raise AwsError("Password does not conform to the account password policy.", code="PasswordPolicyViolation")
    return Wanted(passwords.digest(password), hashes[: passwords.REMEMBERED])


def _change(conn: Connection, call: Call, name: str, wanted: Wanted | None, details: dict[str, Any]) -> bool:
    """False, and nothing is changed, where the password is no longer the one that another was wanted in place of."""
    profile, sealer = _existing(conn, entities.get(conn, call.account, "user", name)), call.store.sealer
    hashed = None
    if wanted is not None:
        if credentials.secret(conn, sealer, profile).value != wanted.former[0]:
            return False
        hashed = wanted.hashed
        details = (
            details
            | {"changed": int(call.now.timestamp()), **guesses.NONE}
            | former.sealed(sealer, profile, wanted.former)
        )
    credentials.change(conn, sealer, profile, secret=hashed, details=details)
    return True


def _profile(conn: Connection, user: Entity) -> Credential | None:
    return credentials.named(conn, user.account, _KIND, user.id)


def _existing(conn: Connection, user: Entity) -> Credential:
    profile = _profile(conn, user)
    if profile is None:
        raise NoSuchEntity(f"Login Profile for User {user.name} cannot be found.")
    return profile


def _taken(user: Entity) -> EntityAlreadyExists:
    return EntityAlreadyExists(f"Login Profile for user {user.name} already exists.")


def _show(name: str, profile: Credential) -> dict[str, Any]:
    longest = profile.details.get(LONGEST)
    return {
        "UserName": name,
        "CreateDate": _render.when(profile.created),
        "PasswordResetRequired": profile.details["reset"],
    } | ({"MaxSigninSessionDuration": longest} if longest else {})
