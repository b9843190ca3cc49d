"""The server's log of who was not let in: enough to find a client, no secret, no flood."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kansatsu.gateway.turned_away import TurnedAway
from kansatsu.signing import AuthFailure

from . import raw
from .conftest import Gateway
from .raw import Ask, Keys

MINUTE = datetime(2026, 11, 26, 12, tzinfo=UTC)
LOGGER = "kansatsu.gateway.turned_away"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


@pytest.mark.parametrize(
    ("keys", "how", "told"),
    [
        (Keys("AKIANOBODYKNOWSTHIS0", "s3cret/of+nobody"), {}, "invalid-key, access key AKIANOBODYKNOWSTHIS0"),
        (Keys("wJalrXUtnFEMI/K7MDENG", "s3cret/of+nobody"), {}, ""),
        (Keys("a-secret-in-the-wrong-place", "s3cret/of+nobody"), {}, "invalid-key, access key that is none"),
        (Keys("test", "test"), {}, "invalid-key, access key test"),
        (None, {"now": MINUTE - timedelta(days=9999)}, "skewed, access key "),
        (None, {"secret": "s3cret/of+nobody"}, "mismatch, access key "),
    ],
)
def test_one_line_says_who_and_why(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, keys: Keys | None, how: dict[str, Any], told: str
) -> None:
    gateway.pipeline._turned_away = TurnedAway()
    secret = how.pop("secret", gateway.admin.secret)
    keys = keys or Keys(gateway.admin.id, secret)
    with caplog.at_level(logging.INFO):
        got = gateway.ask(Ask("GET", "/"), keys, "s3", **how)
    assert 400 <= got.status < 404
    (line,) = lines(caplog)
    assert line.startswith(f"not let in: {told}") and ", from 127.0.0.1" in line and "\n" not in line
    assert "s3cret" not in caplog.text and secret not in caplog.text and "secret-in" not in caplog.text


@pytest.mark.parametrize("signed", ["presigned", "header"])
def test_an_old_signature_is_told_what_to_do(gateway: Gateway, caplog: pytest.LogCaptureFixture, signed: str) -> None:
    gateway.pipeline._turned_away = TurnedAway()
    query = (
        f"?AWSAccessKeyId={gateway.admin.id}&Signature=s3cret%3D&Expires=9999999999" if signed == "presigned" else ""
    )
    headers = {} if query else {"authorization": f"AWS {gateway.admin.id}:s3cret="}
    with caplog.at_level(logging.INFO):
        got = raw.send(gateway.address, Ask("GET", f"/bucket/key{query}", headers=headers))
    assert got.status == 400 and b"Please use AWS4-HMAC-SHA256." in got.body  # AWS's own sentence
    (line,) = lines(caplog)
    assert "aws configure set default.s3.signature_version s3v4" in line and "s3cret" not in line


def test_who_did_not_sign_is_nobody(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert raw.send(gateway.address, Ask("GET", "/")).status == 403
    assert not lines(caplog)


def test_strangers_fill_no_disk(caplog: pytest.LogCaptureFixture) -> None:
    """The attack: a million requests with a key that is none."""
    told = TurnedAway()
    with caplog.at_level(logging.INFO):
        for second in range(0, 120, 60):
            for _ in range(1000):
                told.tell(AuthFailure.INVALID_KEY, None, "192.0.2.1", "s3", MINUTE + timedelta(seconds=second))
    found = lines(caplog)
    assert len(found) == 41
    assert "not let in: 980 more, which are not listed" in found
