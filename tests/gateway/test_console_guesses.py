"""Who guesses passwords waits ever longer, makes nobody else wait for long, and gets in by no password of another."""

from datetime import timedelta
from typing import Any

import pytest

from kansatsu.console.backoff import Backoff
from kansatsu.services.iam import passwords as password_service

from .browser import PASSWORD, MovedClock, named, person
from .conftest import ACCOUNT, Gateway
from .raw import statement
from .test_console import browse, clock

__all__ = ["browse", "clock"]


def test_who_guesses_waits_and_the_right_password_does_not_help(
    gateway: Gateway, browse: Any, clock: MovedClock
) -> None:
    ana, there = person(gateway), {"client": "192.0.2.9"}
    codes = [browse(**there).sign_in(**named(ana, password="wrong")).code for _ in range(6)]
    assert codes == ["SignInFailed"] * 5 + ["TooManyAttempts"]
    locked = browse(**there).sign_in(**named(ana))
    assert (locked.status, locked.code) == (429, "TooManyAttempts")
    assert 1 <= locked.body["seconds"] <= 2
    clock.ahead += timedelta(seconds=2)
    assert browse(**there).sign_in(**named(ana, password="wrong")).code == "SignInFailed"
    assert browse(**there).sign_in(**named(ana)).body["seconds"] <= 3
    clock.ahead += timedelta(seconds=3)
    assert browse(**there).sign_in(**named(ana)).status == 200
    assert browse(**there).sign_in(**named(ana, password="wrong")).code == "SignInFailed"


def test_however_often_somebody_failed_he_waits_for_no_longer_than_the_longest() -> None:
    """The attack: after a thousand failures no attempt with the name was counted, or let in, any more."""
    backoff, now = Backoff(5, 60.0), 0.0
    for _ in range(3000):
        backoff.begin("ana", now)
        assert backoff.wait("ana", now) <= 60.0
        now += 61.0
    assert backoff.wait("ana", now) == 0.0


def test_a_stranger_locks_nobody_out(gateway: Gateway, browse: Any, clock: MovedClock) -> None:
    """INVARIANT: what a stranger fails at makes nobody else wait for long."""
    ana, ben = person(gateway), person(gateway)
    alias = gateway.name("alias").lower()
    gateway.client("iam").create_account_alias(AccountAlias=alias)
    try:
        # As if behind a proxy on this host, under both names of the account: ana alone waits, and only there.
        said = [
            browse().sign_in(**named(ana, password="x", account=n)).code for n in (alias, ACCOUNT) for _ in range(3)
        ]
        assert said == ["SignInFailed"] * 5 + ["TooManyAttempts"]
    finally:
        gateway.client("iam").delete_account_alias(AccountAlias=alias)
    for n in range(30):
        assert browse().sign_in(**named(ana, user=f"nobody-{n}")).code == "SignInFailed"
        assert browse().sign_in(link=f"guess-{n}").code == "LinkInvalid"
    assert browse().sign_in(**named(ben)).status == 200
    assert browse(client="192.0.2.77").sign_in(**named(ana)).status == 200
    # From many addresses: ana waits everywhere, for a minute at most.
    for n in range(40):
        browse(client=f"198.51.100.{n}").sign_in(**named(ana, password="x"))
        clock.ahead += timedelta(seconds=61)
    browse(client="198.51.100.99").sign_in(**named(ana, password="x"))
    assert browse(client="192.0.2.77").sign_in(**named(ana)).body["seconds"] <= 61
    clock.ahead += timedelta(seconds=61)
    assert browse(client="192.0.2.77").sign_in(**named(ana)).status == 200


def test_an_address_that_tries_many_names_waits_and_no_success_clears_it(gateway: Gateway, browse: Any) -> None:
    ana = person(gateway)
    bad = {"client": "2001:db8:1:2:3::4"}
    for n in range(19):
        assert browse(**bad).sign_in(accessKeyId=f"AKIA{n}", secretAccessKey="x").code == "SignInFailed"
    assert browse(**bad).sign_in(**named(ana)).status == 200
    assert browse(**bad).sign_in(**named(ana, user="one-more")).code == "SignInFailed"
    assert browse(client="2001:db8:1:2:ffff::1").sign_in(**named(ana)).code == "TooManyAttempts"
    assert browse(client="2001:db8:1:3::1").sign_in(**named(ana)).status == 200


def test_attack_a_new_password_lets_nobody_in_by_the_one_that_an_administrator_set_after_it(
    gateway: Gateway, browse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, replace = person(gateway, statement("Allow", "iam:ChangePassword"), reset=True), password_service._replace

    async def twice(call: Any, name: str, *given: Any) -> None:
        await replace(call, name, *given)
        await replace(call, name, "Administrator-1", {"reset": False})

    monkeypatch.setattr(password_service, "_replace", twice)
    ticket = browse().sign_in(**named(ana)).body["ticket"]
    assert browse().sign_in(ticket=ticket, password=PASSWORD, newPassword="An0ther-one").code == "SignInFailed"
