"""What a request that cannot be authenticated is told, in each protocol: code, status and words."""

import json
import logging
import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from kansatsu import wire
from kansatsu.gateway import refusals
from kansatsu.signing import AuthFailure, SigningError

from . import raw
from .asks import EC2, IAM, S3, SPOKEN
from .conftest import Gateway
from .expected import (
    EARLY,
    EXPIRED_TOKEN,
    INVALID_TOKEN,
    MISSING,
    OLD,
    S3_MISMATCH,
    SCOPE,
    SIGV2,
    SIGV4A,
    UNKNOWN_KEY,
    UNSIGNED,
    UNSIGNED_HOST,
    WRONG,
    Expected,
)
from .raw import Ask, Got, Keys, tampered

Attack = Callable[[Gateway, Keys, Ask, str], Got]


def anonymous(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.send(ask.having(host=f"{service}.us-east-1.amazonaws.com"))


def unknown_key(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.ask(ask, Keys("AKIAIOSFODNN7EXAMPLE", keys.secret), service)


def inactive_key(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    keys = gateway.user()
    gateway.iam.update_access_key(UserName=keys.name, AccessKeyId=keys.id, Status="Inactive")
    return gateway.ask(ask, keys, service)


def deleted_key(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    keys = gateway.user()
    gateway.iam.delete_access_key(UserName=keys.name, AccessKeyId=keys.id)
    return gateway.ask(ask, keys, service)


def fake_key(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.ask(ask, Keys("test", "test"), service)


def wrong_secret(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.ask(ask, Keys(keys.id, tampered(keys.secret)), service)


def old(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.ask(ask, keys, service, now=gateway.clock.now() - timedelta(minutes=16))


def early(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.ask(ask, keys, service, now=gateway.clock.now() + timedelta(minutes=16))


def garbage_token(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.ask(ask, Keys(keys.id, keys.secret, "FwoGZXIvYXdzEJr//////////wEaDA=="), service)


def expired_token(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.ask(ask, gateway.session(gateway.common_role, gateway.clock.now() - timedelta(hours=2)), service)


def token_of_another(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    mine, other = (gateway.session(gateway.common_role) for _ in range(2))
    return gateway.ask(ask, Keys(mine.id, mine.secret, other.token), service)


def session_without_token(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    session = gateway.session(gateway.common_role)
    return gateway.ask(ask, Keys(session.id, session.secret), service)


def no_region(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.ask(ask, keys, service, region="not-a-region")


def unsigned_header(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.ask(ask.having(x_amz_sneaky="1"), keys, service, unsigned=["x-amz-sneaky"])


def added_header(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.send(raw.sign(ask, keys, service, host=gateway.host).having(x_amz_sneaky="1"))


def unsigned_host(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.ask(ask, keys, service, unsigned=["host"])


def changed_host(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.send(raw.sign(ask, keys, service, host=gateway.host).having(host="elsewhere.example:80"))


def changed_header(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.send(raw.sign(ask.having(x_amz_a="1"), keys, service, host=gateway.host).having(x_amz_a="2"))


def changed_query(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    signed = raw.sign(ask, keys, service, host=gateway.host)
    return gateway.send(Ask(signed.method, signed.path, "x=1", signed.headers, signed.body))


def changed_date(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    signed = raw.sign(ask, keys, service, host=gateway.host, now=gateway.clock.now() - timedelta(seconds=30))
    stamp = raw.stamp_of(gateway.clock.now())
    assert stamp[:8] == signed.headers["x-amz-date"][:8], "midnight"
    return gateway.send(signed.having(x_amz_date=stamp))


def sigv2(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    return gateway.send(guessable(ask, service).having(authorization=f"AWS {keys.id}:frJIUN8DYpKDtOLCwo//yllqDzg="))


def sigv4a(gateway: Gateway, keys: Keys, ask: Ask, service: str) -> Got:
    signed = raw.sign(guessable(ask, service), keys, service, host=f"{service}.us-east-1.amazonaws.com")
    text = signed.headers["authorization"].replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")
    return gateway.send(signed.having(authorization=text))


def guessable(ask: Ask, service: str) -> Ask:
    """What cannot be read says nothing of its service: the Host does."""
    return ask.having(host=f"{service}.us-east-1.amazonaws.com")


ATTACKS: list[tuple[Attack, dict[str, Expected]]] = [
    (anonymous, MISSING),
    (unknown_key, UNKNOWN_KEY),
    (inactive_key, UNKNOWN_KEY),
    (deleted_key, UNKNOWN_KEY),
    (fake_key, UNKNOWN_KEY),
    (session_without_token, UNKNOWN_KEY),
    (wrong_secret, WRONG),
    (changed_host, WRONG),
    (changed_header, WRONG),
    (changed_query, WRONG),
    (changed_date, WRONG),
    (old, OLD),
    (early, EARLY),
    (garbage_token, INVALID_TOKEN),
    (token_of_another, INVALID_TOKEN),
    (expired_token, EXPIRED_TOKEN),
    (no_region, SCOPE),
    (unsigned_header, UNSIGNED),
    (added_header, UNSIGNED),
    (unsigned_host, UNSIGNED_HOST),
    (sigv2, SIGV2),
    (sigv4a, SIGV4A),
]


@pytest.fixture(scope="module")
def victim(gateway: Gateway) -> Keys:
    """A user who may do everything and of whom all requests here are refused."""
    return gateway.user(raw.statement("Allow", "*"))


def holds(got: Got, expected: Expected) -> None:
    status, code, message = expected
    assert (got.status, got.code) == (status, code), got.body
    assert re.fullmatch(re.escape(message).replace(r"\.\.\.", ".*"), got.message), got.message


@pytest.mark.parametrize("dialect", SPOKEN)
@pytest.mark.parametrize(("attack", "expected"), ATTACKS, ids=lambda item: getattr(item, "__name__", ""))
def test_what_is_not_authentic_is_refused_in_the_words_of_its_protocol(
    gateway: Gateway, victim: Keys, attack: Attack, expected: dict[str, Expected], dialect: str
) -> None:
    holds(attack(gateway, victim, *SPOKEN[dialect]), expected[dialect])
    # INVARIANT: who did not prove to be somebody is not recorded as somebody.
    assert gateway.events(victim) == []


@pytest.mark.parametrize("dialect", SPOKEN)
def test_the_same_requests_untouched_are_answered(gateway: Gateway, dialect: str) -> None:
    keys = gateway.user(raw.statement("Allow", "*"))
    ask, service = SPOKEN[dialect]
    almost = timedelta(minutes=14, seconds=45)
    for now in (None, gateway.clock.now() - almost, gateway.clock.now() + almost):
        assert gateway.ask(ask, keys, service, now=now).status == 200
    assert [event.allowed for event in gateway.events(keys)] == [True] * 3


OTHER_BODY = {"query": IAM.body + b"&MaxItems=5", "json": b'{"Limit":5}', "ec2": EC2.body + b"&DryRun=true"}


@pytest.mark.parametrize("dialect", OTHER_BODY)
def test_another_body_than_the_signed_one(gateway: Gateway, victim: Keys, dialect: str) -> None:
    ask, service = SPOKEN[dialect]
    signed = raw.sign(ask, victim, service, host=gateway.host)
    holds(gateway.send(Ask("POST", "/", "", signed.headers, OTHER_BODY[dialect])), WRONG[dialect])
    assert gateway.events(victim) == []


@pytest.mark.parametrize("dialect", OTHER_BODY)
def test_a_body_that_its_signed_hash_does_not_fit(gateway: Gateway, victim: Keys, dialect: str) -> None:
    """The head is right, and its x-amz-content-sha256 with it: only the body was exchanged."""
    ask, service = SPOKEN[dialect]
    hashed = raw.hashlib.sha256(ask.body).hexdigest()
    signed = raw.sign(ask.having(x_amz_content_sha256=hashed), victim, service, host=gateway.host)
    holds(gateway.send(Ask("POST", "/", "", signed.headers, OTHER_BODY[dialect])), WRONG[dialect])
    # INVARIANT: a head that somebody else replays with a body of their own is no evidence of its signer.
    assert gateway.events(victim) == []


def test_a_small_body_of_s3_that_its_hash_does_not_fit(gateway: Gateway, victim: Keys) -> None:
    body = b"<Delete><Object><Key>a</Key></Object></Delete>"
    signed = raw.sign(Ask("POST", f"/{gateway.bucket()}", "delete=", {}, body), victim, "s3", host=gateway.host)
    got = gateway.send(Ask("POST", signed.path, "delete=", signed.headers, body.replace(b"<Key>a", b"<Key>b")))
    holds(
        got,
        (
            400,
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
    )
    assert b"<ClientComputedContentSHA256>" in got.body
    assert gateway.events(victim) == []


PRESIGNED: dict[str, tuple[Callable[[Ask, Keys, Gateway], Ask], Expected]] = {
    "expired": (
        lambda ask, keys, gateway: raw.presign(
            ask, keys, host=gateway.host, now=gateway.clock.now() - timedelta(seconds=61)
        ),
        (403, "AccessDenied", "Request has expired"),
    ),
    "tampered path": (
        lambda ask, keys, gateway: Ask(
            "GET", ask.path + "x", raw.presign(ask, keys, host=gateway.host).query, {"host": gateway.host}
        ),
        (403, "SignatureDoesNotMatch", S3_MISMATCH),
    ),
    "longer life": (
        lambda ask, keys, gateway: Ask(
            "GET",
            ask.path,
            raw.presign(ask, keys, host=gateway.host).query.replace("Expires=60", "Expires=600"),
            {"host": gateway.host},
        ),
        (403, "SignatureDoesNotMatch", S3_MISMATCH),
    ),
    "more than a week": (
        lambda ask, keys, gateway: raw.presign(ask, keys, host=gateway.host, expires=604_801),
        (400, "AuthorizationQueryParametersError", "X-Amz-Expires must be less than a week (in seconds); ..."),
    ),
    "with a header too": (
        lambda ask, keys, gateway: raw.presign(ask, keys, host=gateway.host).having(
            authorization=raw.sign(ask, keys, "s3", host=gateway.host).headers["authorization"]
        ),
        (400, "InvalidArgument", "Only one auth mechanism allowed; ..."),
    ),
}


@pytest.mark.parametrize("case", PRESIGNED)
def test_presigned_urls(gateway: Gateway, case: str) -> None:
    keys = gateway.admin
    ask = Ask("GET", f"/{gateway.bucket()}")
    assert gateway.send(raw.presign(ask, keys, host=gateway.host)).status == 200
    make, expected = PRESIGNED[case]
    holds(gateway.send(make(ask, keys, gateway)), expected)


def test_a_fake_key_is_told_what_to_do_in_the_log(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kansatsu.gateway.turned_away._MOST_A_MINUTE", 1000)  # others were turned away before
    with caplog.at_level(logging.INFO, "kansatsu.gateway"):
        assert gateway.ask(S3, Keys("test", "test"), "s3").code == "InvalidAccessKeyId"
    assert 'eval "$(kansatsu env)"' in caplog.text


def test_nobody_writes_lines_of_their_own_into_the_log(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    """The attack: a line feed in a key id that nobody checked yet, or in the name of an object."""
    line = "2026-01-01T00:00:00.000Z WARNING kansatsu: the operator made me do it"
    nobody = gateway.user()
    with caplog.at_level(logging.INFO, "kansatsu"):
        forged = Keys(f"AKIA\n{line}", "x")
        got = gateway.send(raw.presign(S3, forged, host=gateway.host))
        assert got.code in ("InvalidAccessKeyId", "AuthorizationQueryParametersError")
        ask = Ask("GET", "/bucket-1/a%0A" + raw.quote(line, safe=""))
        assert gateway.ask(ask, nobody, "s3").code == "AccessDenied"
    assert line in caplog.text
    assert f"\n{line}" not in "".join(record.getMessage() for record in caplog.records)


def test_nothing_secret_is_logged(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    session = gateway.session(gateway.common_role)
    with caplog.at_level(logging.DEBUG):
        gateway.ask(S3, session, "s3")
        gateway.ask(S3, Keys(session.id, "wrong", session.token), "s3")
        gateway.ask(S3, Keys(session.id, session.secret, tampered(session.token)), "s3")
    assert session.secret not in caplog.text
    assert session.token not in caplog.text


# ---- the table ------------------------------------------------------------------------------------------------------

ONE_OF_EACH = {"query": "iam", "json": "dynamodb", "rest-json": "lambda", "ec2": "ec2", "s3": "s3"}


@pytest.mark.parametrize("dialect", ONE_OF_EACH)
@pytest.mark.parametrize("failure", AuthFailure)
def test_the_table_has_an_error_for_every_failure_in_every_dialect(failure: AuthFailure, dialect: str) -> None:
    service = wire.load_service(ONE_OF_EACH[dialect])
    assert refusals.dialect(service) == dialect
    error = refusals.unauthenticated(SigningError(failure, "What is wrong."), service)
    assert error.code and 400 <= error.status < 500
    assert error.message
    response = wire.encode_error(service, error, "request-id")
    assert error.code.encode() in response.body + json.dumps(response.headers).encode()
    assert response.status == error.status


@pytest.mark.parametrize("dialect", ["query", "json", "rest-json", "ec2"])
def test_only_s3_shows_what_was_signed(dialect: str) -> None:
    service = wire.load_service(ONE_OF_EACH[dialect])
    error = refusals.unauthenticated(SigningError(AuthFailure.MISMATCH, "x", {"StringToSign": "AWS4..."}), service)
    assert error.fields == {}
