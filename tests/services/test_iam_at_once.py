"""Credentials that several set at once: nothing is checked against one state and written over another."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.identity import credentials, passwords

from .conftest import ACCOUNT, World

Refused = Callable[..., str]
GOOD, BETTER, BEST = "Correct-horse-1", "Battery-staple-2", "Another-one-3"


@pytest.fixture
def ana(world: World) -> dict[str, str]:
    return world.user("ana", {"Effect": "Allow", "Action": "iam:*", "Resource": "*"})


def _meanwhile(monkeypatch: pytest.MonkeyPatch, *events: Callable[[], object]) -> None:
    """While a password is hashed, between what was read and what is written, each of these happens once."""
    left, digest = list(events), passwords.digest

    def hashing(password: str) -> str:
        if left:
            left.pop(0)()
        return digest(password)

    monkeypatch.setattr(passwords, "digest", hashing)


def _is(world: World, password: str) -> bool:
    """Is it ana's password?"""
    with world.store.read() as conn:
        profile = credentials.every(conn, ACCOUNT, "password")[0]
        return passwords.matches(credentials.secret(conn, world.store.sealer, profile).value, password)


# INVARIANT: what an administrator sets is not undone by somebody who knew the password before it.
def test_attack_a_change_that_overtakes_a_reset(
    world: World, iam: Any, ana: dict[str, str], refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam.create_login_profile(UserName="ana", Password=GOOD)
    reset = {"UserName": "ana", "Password": BEST, "PasswordResetRequired": True}
    _meanwhile(monkeypatch, lambda: iam.update_login_profile(**reset))
    change = world.client("iam", ana).change_password
    assert "incorrect" in refused("AccessDenied", change, OldPassword=GOOD, NewPassword=BETTER)
    assert _is(world, BEST)
    assert iam.get_login_profile(UserName="ana")["LoginProfile"]["PasswordResetRequired"]
    _meanwhile(monkeypatch, lambda: iam.delete_login_profile(UserName="ana"))
    refused("NoSuchEntity", change, OldPassword=BEST, NewPassword=BETTER)


def test_of_two_passwords_set_at_once_neither_is_forgotten(
    world: World, iam: Any, ana: object, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later one is checked against the other, and both count as used before."""
    iam.update_account_password_policy(PasswordReusePrevention=24)
    iam.create_login_profile(UserName="ana", Password=GOOD)
    _meanwhile(monkeypatch, lambda: iam.update_login_profile(UserName="ana", Password=BEST))
    iam.update_login_profile(UserName="ana", Password=BETTER)
    assert _is(world, BETTER)
    for used in (GOOD, BETTER, BEST):
        refused("PasswordPolicyViolation", iam.update_login_profile, UserName="ana", Password=used)
    last = "Yet-another-4"
    _meanwhile(monkeypatch, lambda: iam.update_login_profile(UserName="ana", Password=last))
    refused("PasswordPolicyViolation", iam.update_login_profile, UserName="ana", Password=last)


def test_a_profile_is_made_once(
    iam: Any, ana: object, refused: Refused, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    made = {"UserName": "ana", "Password": BETTER}
    _meanwhile(monkeypatch, lambda: iam.create_login_profile(**made))
    refused("EntityAlreadyExists", iam.create_login_profile, UserName="ana", Password=GOOD)
    assert _is(world, BETTER)


def _code(ask: Callable[..., object], **given: str) -> str:
    with pytest.raises(ClientError) as refused:
        ask(**given)
    return str(refused.value.response["Error"]["Code"])


# INVARIANT: a guess counts before it is looked at, so that many at once are no way around the wait.
def test_attack_a_stolen_key_guesses_its_users_password(
    world: World, iam: Any, ana: dict[str, str], refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, matches = [], passwords.matches

    def looking(hashed: str, given: str) -> bool:
        looked.append(given)
        return matches(hashed, given)

    monkeypatch.setattr(passwords, "matches", looking)
    iam.create_login_profile(UserName="ana", Password=GOOD)
    change = world.client("iam", ana).change_password
    with ThreadPoolExecutor(4) as many:
        guessed = [many.submit(_code, change, OldPassword=f"{BEST}{n}", NewPassword=BETTER) for n in range(20)]
        codes = sorted(each.result() for each in guessed)
    assert codes == ["AccessDenied"] * 6 + ["Throttling"] * 14 and len(looked) == 6
    refused("Throttling", change, OldPassword=GOOD, NewPassword=BETTER)
    world.clock.move(seconds=2)
    refused("AccessDenied", change, OldPassword=BEST, NewPassword=BETTER)
    world.clock.move(seconds=2)
    refused("Throttling", change, OldPassword=GOOD, NewPassword=BETTER)
    world.clock.move(seconds=2)
    refused("PasswordPolicyViolation", change, OldPassword=GOOD, NewPassword="short")
    for _ in range(5):  # none of which makes it wait: it knew the password
        refused("AccessDenied", change, OldPassword=BEST, NewPassword=BETTER)
    change(OldPassword=GOOD, NewPassword=BETTER)
    assert _is(world, BETTER)
