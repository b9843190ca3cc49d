"""Session tokens: what goes in comes out, and nothing else is ever accepted. docs/decisions/002-session-token.md."""

import base64
import random
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.errors import PackedPolicyTooLarge
from kansatsu.identity import ExpiredToken, InvalidToken, Session, Store, ids, keyring, messages, sessions
from kansatsu.identity.sealer import Recent, Ring, RingKey, Sealer, new_material
from kansatsu.identity.sealing import Vault

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROLE = {
    "account": "123456789012",
    "principal_id": "AROAEXAMPLEEXAMPLE234",
    "principal_name": "Role",
    "kind": "role",
    "session_name": "i-0123456789abcdef0",
    "issued": NOW,
    "expires": NOW + HOUR,
}


def a_sealer() -> Sealer:
    key = RingKey.of(*new_material(), None)
    return Sealer(Vault(b"v" * 32), lambda: Ring(key, {key.id: key}))


SEALER = a_sealer()


def values(session: Session) -> dict[str, object]:
    found = {name: getattr(session, name) for name in Session.__dataclass_fields__}
    return found | {"secret": session.secret.value}


TEXTS = st.text(max_size=64)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(
    st.fixed_dictionaries(
        {
            "account": st.integers(0, 10**12 - 1).map("{:012d}".format),
            "principal_id": TEXTS,
            "principal_name": TEXTS,
            "kind": st.sampled_from(sorted(sessions.KINDS)),
            "issued": MOMENTS,
        },
        optional={
            "session_name": TEXTS,
            "policy": st.none() | st.text(max_size=200),
            "policy_arns": st.lists(TEXTS, max_size=3).map(tuple),
            "tags": st.dictionaries(TEXTS, TEXTS, max_size=3),
            "transitive_tag_keys": st.just(()),
            "source_identity": TEXTS,
            "mfa": st.none() | MOMENTS,
            "chain_depth": st.integers(0, 5),
            "source": st.dictionaries(TEXTS, TEXTS, max_size=3),
            "minimum_size": st.integers(0, 4096),
        },
    ).filter(lambda fields: fields["kind"] != "root" or len(fields.get("policy_arns", ())) == 1),
    st.timedeltas(timedelta(seconds=1), sessions.LONGEST_SESSION),
)
def test_every_field_comes_back(fields: dict[str, object], life: timedelta) -> None:
    issued = fields["issued"]
    assert isinstance(issued, datetime)
    session, token = sessions.issue(SEALER, **fields, expires=issued + life)  # type: ignore[arg-type]
    opened = sessions._open(SEALER, token, session.access_key_id, issued)
    assert values(opened) == values(session)
    assert ids.account_of(session.access_key_id) == fields["account"]


def test_a_session_ends_at_its_expiry_also_when_it_is_remembered() -> None:
    session, token = sessions.issue(SEALER, **ROLE)
    key = session.access_key_id
    assert sessions.open(SEALER, token, key, NOW + HOUR - timedelta(microseconds=1)) == sessions.open(
        SEALER, token, key, NOW
    )
    for late in (HOUR, 40 * HOUR):
        with pytest.raises(ExpiredToken):
            sessions.open(SEALER, token, key, NOW + late)


# INVARIANT: the attack: one's own token, opened a moment ago, with the access key id of another session.
def test_a_remembered_token_is_refused_under_another_key() -> None:
    mine, token = sessions.issue(SEALER, **ROLE)
    theirs, _ = sessions.issue(SEALER, **ROLE)
    sessions.open(SEALER, token, mine.access_key_id, NOW)
    with pytest.raises(InvalidToken):
        sessions.open(SEALER, token, theirs.access_key_id, NOW)


def test_no_bit_of_a_token_can_be_changed() -> None:
    session, token = sessions.issue(SEALER, **ROLE, policy='{"Version":"2012-10-17"}')
    raw = base64.b64decode(token)
    for place in range(len(raw) * 8):
        forged = bytearray(raw)
        forged[place // 8] ^= 1 << place % 8
        refused(base64.b64encode(bytes(forged)).decode(), session.access_key_id)


def test_no_part_of_a_token_is_enough() -> None:
    session, token = sessions.issue(SEALER, **ROLE)
    for length in range(len(token)):
        refused(token[:length], session.access_key_id)
    refused(token + "AAAA", session.access_key_id)
    refused(token + "\n", session.access_key_id)


def test_two_tokens_cannot_be_spliced() -> None:
    one, first = sessions.issue(SEALER, **ROLE)
    two, second = sessions.issue(SEALER, **ROLE | {"principal_name": "Admin"})
    left, right = base64.b64decode(first), base64.b64decode(second)
    for cut in range(1, min(len(left), len(right))):
        spliced = base64.b64encode(left[:cut] + right[cut:]).decode()
        if spliced not in (first, second):
            refused(spliced, one.access_key_id)
            refused(spliced, two.access_key_id)


def test_a_token_of_another_installation_is_refused() -> None:
    session, token = sessions.issue(a_sealer(), **ROLE)
    refused(token, session.access_key_id)


def test_a_message_is_no_token() -> None:
    """The same ring seals both; the purpose keeps them apart, even when the account is a key id."""
    session, token = sessions.issue(SEALER, **ROLE)
    with pytest.raises(messages.InvalidMessage):
        messages.decode(SEALER, session.access_key_id, token.rstrip("=").translate({43: 45, 47: 95}), NOW)
    encoded = messages.encode(SEALER, session.access_key_id, "x")
    refused((encoded + "=" * (-len(encoded) % 4)).translate({45: 43, 95: 47}), session.access_key_id)


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: base64.b64encode(raw).decode()))
def test_garbage_is_an_invalid_token(text: str) -> None:
    refused(text, "ASIAEXAMPLEEXAMPLE23")


def test_a_very_long_token_is_refused_unread() -> None:
    refused("A" * 10_000_000, "ASIAEXAMPLEEXAMPLE23")


def refused(token: str, access_key_id: str) -> None:
    with pytest.raises(InvalidToken):
        sessions.open(SEALER, token, access_key_id, NOW)


def noise(length: int, seed: int = 1) -> str:
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=length))


def test_policies_and_tags_share_the_packed_space() -> None:
    session, _ = sessions.issue(SEALER, **ROLE)
    assert sessions.packed_policy_size(session) == 0
    session, token = sessions.issue(SEALER, **ROLE, policy=noise(2048), tags={"team": "a"})
    assert 50 < sessions.packed_policy_size(session) <= 100
    assert len(token) < sessions.LONGEST_TOKEN
    tags = {noise(128, seed): noise(256, -seed - 1) for seed in range(12)}
    with pytest.raises(
        PackedPolicyTooLarge, match=r"^Packed size of session tags consumes \d{3}% of allotted space\.$"
    ):
        sessions.issue(SEALER, **ROLE, tags=tags)
    with pytest.raises(
        PackedPolicyTooLarge, match=r"^Packed policy consumes \d{3}% of allotted space, please use smaller policy\.$"
    ):
        sessions.issue(SEALER, **ROLE, tags=tags, policy=noise(2048))


@pytest.mark.parametrize("life", [timedelta(0), -HOUR, 36 * HOUR + timedelta(microseconds=1)])
def test_a_session_outlives_no_key(life: timedelta) -> None:
    with pytest.raises(ValueError, match="36 hours"):
        sessions.issue(SEALER, **ROLE | {"expires": NOW + life})


def issue_from(store: Store, life: timedelta = HOUR) -> tuple[Session, str]:
    now = store.clock.now()
    return sessions.issue(store, **ROLE | {"issued": now, "expires": now + life})


def rotate(store: Store, **options: bool) -> None:
    with store.write() as conn:
        keyring.rotate(conn, store.sealer.vault, store.clock.now(), **options)


def opened(store: Store, issued: tuple[Session, str]) -> str:
    store.snapshot()
    return sessions.open(store.sealer, issued[1], issued[0].access_key_id, store.clock.now()).principal_id


def test_every_process_opens_every_other_ones_sessions(store: Store, other: Store) -> None:
    for _ in range(3):
        for issuer, reader in ((store, other), (other, store)):
            assert opened(reader, issue_from(issuer)) == ROLE["principal_id"]
        rotate(store)
        store.snapshot()
        other.snapshot()


def test_a_retired_key_opens_for_36_hours(store: Store, clock) -> None:  # type: ignore[no-untyped-def]
    issued = issue_from(store, 36 * HOUR)
    rotate(store)
    assert opened(store, issued)
    assert issue_from(store)[1][:12] != issued[1][:12]  # another key id
    clock.forward(hours=36, microseconds=-1)
    assert opened(store, issued)
    clock.forward(microseconds=1)
    store.sealer.opened = Recent(8)
    with pytest.raises(InvalidToken):
        opened(store, issued)
    rotate(store)  # drops the key itself
    with store.read() as conn:
        assert len(conn.exec_driver_sql("SELECT id FROM sealing_key").all()) == 2


# INVARIANT: after a theft of keys no token sealed by them opens, not even one that was opened just before.
def test_a_stolen_ring_is_worth_nothing_after_revocation(store: Store, other: Store) -> None:
    issued = issue_from(store)
    assert opened(store, issued)
    assert opened(other, issued)
    rotate(store, revoke=True)
    for reader in (store, other):
        with pytest.raises(InvalidToken):
            opened(reader, issued)
    assert opened(other, issue_from(store))


def test_rotation_happens_once_a_day(store: Store, other: Store, clock) -> None:  # type: ignore[no-untyped-def]
    first = issue_from(store)
    for hours, rotated in ((23, False), (1, True), (23, False), (1, True)):
        clock.forward(hours=hours)
        with store.write() as conn:
            assert keyring.rotate_if_due(conn, store.sealer.vault, clock.now()) is rotated
        with other.write() as conn:
            assert not keyring.rotate_if_due(conn, other.sealer.vault, clock.now())
    store.snapshot()
    assert issue_from(store)[1][:12] != first[1][:12]


@given(st.text(max_size=5000))
def test_a_message_is_read_by_its_account_alone(text: str) -> None:
    encoded = messages.encode(SEALER, "123456789012", text)
    assert messages.decode(SEALER, "123456789012", encoded, NOW) == text
    with pytest.raises(messages.InvalidMessage):
        messages.decode(SEALER, "210987654321", encoded, NOW)


@given(st.text(max_size=200))
def test_garbage_is_no_message(text: str) -> None:
    with pytest.raises(messages.InvalidMessage):
        messages.decode(SEALER, "123456789012", text, NOW)


def test_what_was_not_asked_for_lately_is_forgotten() -> None:
    recent: Recent[int] = Recent(8)
    for number in range(100):
        recent.put(f"{number}", number)
        assert recent.get("0") == (0 if number < 200 else None)
    held = [number for number in range(100) if recent.get(f"{number}") is not None]
    assert len(held) <= 8 + 1 and 0 in held and 50 not in held
