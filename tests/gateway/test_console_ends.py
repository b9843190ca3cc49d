"""What ends a session of the console for good, and what of other ports of the host does not end it."""

from collections.abc import Callable

import pytest

from .browser import Browser, MovedClock, named, person
from .conftest import Gateway
from .raw import statement

Browse = Callable[..., Browser]


@pytest.fixture
def browse(gateway: Gateway) -> Browse:
    """Browsers of one console where nobody has failed yet."""
    console = gateway.console(MovedClock())
    return lambda **how: Browser(gateway, console, **how)


def test_a_key_that_is_off_for_a_moment_ends_all_that_rests_on_it_and_nothing_else(
    gateway: Gateway, browse: Browse
) -> None:
    """INVARIANT: nobody had to ask while it was off."""
    ana, key, second, typed = person(gateway, statement("Allow", "*")), browse(), browse(), browse()
    made = gateway.iam.create_access_key(UserName=ana.name)["AccessKey"]
    key.sign_in(accessKeyId=ana.id, secretAccessKey=ana.secret)
    second.sign_in(accessKeyId=made["AccessKeyId"], secretAccessKey=made["SecretAccessKey"])
    typed.sign_in(**named(ana))
    link = gateway.client("kansatsu", ana).create_console_link()["Token"]
    for status in ("Inactive", "Active"):
        gateway.iam.update_access_key(UserName=ana.name, AccessKeyId=ana.id, Status=status)
    assert (key.is_in(), second.is_in(), typed.is_in()) == (False, True, True)
    assert browse().sign_in(link=link).code == "LinkInvalid"


def test_cookies_of_other_ports_neither_open_anything_nor_keep_anybody_out(gateway: Gateway, browse: Browse) -> None:
    """INVARIANT: a page of another port sets them for any path, with a session of its own; we cannot delete them."""
    ana, eve = person(gateway), person(gateway)
    page, thief = browse(), browse()
    page.sign_in(**named(ana))
    thief.sign_in(**named(eve))
    mine = page.cookie
    for first, second in ((thief.cookie, mine), (mine, thief.cookie)):
        page.cookie = f"{first}; kansatsu-console={second}"
        assert page.ask("api/session").body["user"] == ana.name
    # Both cookies with the word of neither: nobody.
    page.cookie, page.word = f"{mine}; kansatsu-console={thief.cookie}", "guessed"
    assert not page.is_in()
    # With planted ones only, a sign-in goes on, though they stay.
    page.cookie = thief.cookie
    assert page.ask("api/session").code == "SessionEnded"
    page.sign_in(**named(ana))
    page.cookie = f"{thief.cookie}; kansatsu-console={page.cookie}"
    assert page.ask("api/session").body["user"] == ana.name
    # What is signed out is one's own.
    assert page.ask("api/sign-out").status == 200
    assert (page.is_in(), thief.is_in()) == (False, True)
