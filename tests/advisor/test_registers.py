"""Registers against a naive oracle: any order, any split into flushes and merges gives the same maxima."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, select

from kansatsu.advisor import AccessEvent, LastUse
from kansatsu.advisor.registers import Registers, latest, save, stored_use
from kansatsu.identity.schema import last_access

FIELDS = {
    "time": st.integers(0, 5).map(float),
    "account": st.just("123456789012"),
    "principal_id": st.sampled_from(["AIDAONE", "AROATWO", ""]),
    "access_key_id": st.sampled_from(["AKIAONE", "AKIATWO", "ASIAX", ""]),
    "service": st.sampled_from(["s3", "ec2"]),
    "action": st.sampled_from(["A", "B"]),
    "region": st.sampled_from(["us-east-1", "eu-west-1"]),
    "allowed": st.booleans(),
}
UNUSED = {"request_id": "", "principal_arn": "", "resource": "", "error": "", "exact": True} | {
    "source_ip": "",
    "user_agent": "",
}
EVENTS = st.fixed_dictionaries(FIELDS).map(lambda fields: AccessEvent(**fields, **UNUSED))


def oracle(events: list[AccessEvent]) -> dict[tuple[str, ...], tuple[float, int, int]]:
    found: dict[tuple[str, ...], list[AccessEvent]] = {}
    for event in events:
        if event.principal_id:
            key = event.access_key_id if event.access_key_id.startswith("AKIA") else ""
            row = (event.account, event.principal_id, key, event.service, event.action, event.region)
            found.setdefault(row, []).append(event)
    return {
        row: (*max((event.time, int(event.allowed)) for event in group), len(group)) for row, group in found.items()
    }


def last(events: list[AccessEvent], **where: str) -> LastUse | None:
    hits = [e for e in events if e.principal_id and all(getattr(e, name) == value for name, value in where.items())]
    return max((LastUse(event.time, event.service, event.region) for event in hits), default=None)


@given(
    st.lists(EVENTS, max_size=30), st.randoms(use_true_random=False), st.lists(st.booleans(), min_size=30, max_size=30)
)
def test_registers_equal_the_oracle(events: list[AccessEvent], chance: Any, flushes: list[bool]) -> None:
    shuffled = list(events)
    chance.shuffle(shuffled)
    engine = create_engine("sqlite://")
    last_access.create(engine)
    pending, aside = Registers(), Registers()
    with engine.begin() as conn:
        for event, flush in zip(shuffled, flushes, strict=False):
            (pending if event.allowed else aside).add(event)
            if flush:
                save(conn, pending)
                pending = Registers()
        parts = (pending, aside)
        user = latest([*(p.principals.get("AIDAONE") for p in parts), stored_use(conn, "principal_id", "AIDAONE")])
        key = latest([*(p.keys.get("AKIAONE") for p in parts), stored_use(conn, "access_key_id", "AKIAONE")])
        pending.merge(aside)
        save(conn, pending)
        rows = {tuple(row[:6]): tuple(row[6:]) for row in conn.execute(select(last_access))}
    engine.dispose()
    assert rows == oracle(events)
    assert user == last(events, principal_id="AIDAONE")
    assert key == last(events, access_key_id="AKIAONE")
