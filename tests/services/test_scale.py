"""What a write or a page costs does not grow with what is there: by statements and their plans, never by a clock."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, insert

from kansatsu.identity import Store, schema
from kansatsu.identity.quotas import Quotas
from services.conftest import World

Statement = tuple[str, Any]
ACCOUNT = "123456789012"
MANY = 3000


def fill(store: Store, count: int) -> None:
    """Roles, as rows, and no quota of them."""
    store.quotas = Quotas({"RolesPerAccount": None})
    rows = [
        {"id": f"AROA{n:017}", "account": ACCOUNT, "kind": "role", "name": f"f{n:06}", "name_key": f"f{n:06}"}
        | {"path": "/", "created": 1.0, "trust_document": "{}"}
        for n in range(count)
    ]
    with store.write() as conn:
        conn.execute(insert(schema.entity), rows)
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("ANALYZE entity")


@contextmanager
def noted(store: Store) -> Iterator[list[Statement]]:
    """Every statement that goes to the database meanwhile, with its parameters."""
    found: list[Statement] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        found.append((statement, parameters))

    engines = (store._database.reader, store._database.writer)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield found
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


def plan(store: Store, statement: Statement) -> str:
    """How the database would find the rows."""
    text, parameters = statement
    explain = "EXPLAIN " if store.node else "EXPLAIN QUERY PLAN "
    with store.read() as conn:
        if store.node:  # so that a table of this size says what one of any size would
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
            conn.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        return "\n".join(str(row[-1]) for row in conn.exec_driver_sql(explain + text, parameters))


def reads_all(store: Store, statement: Statement) -> bool:
    """Whether it looks at every role there is, or sorts them."""
    if not re.search(r"^SELECT.*FROM entity\b|^UPDATE entity\b|^DELETE FROM entity\b", statement[0], re.DOTALL):
        return False
    said = plan(store, statement)
    return any(sign in said for sign in ("SCAN entity", "USE TEMP B-TREE", "Seq Scan on entity", "Sort"))


def create(world: World, name: str) -> list[Statement]:
    with noted(world.store) as found:
        world.role(name, Tags=[{"Key": "a", "Value": "b"}])
    return found


def test_a_role_costs_the_same_however_many_there_are(world: World) -> None:
    world.role("warm")
    world.store.quotas = Quotas({"RolesPerAccount": None})
    before = create(world, "one")
    fill(world.store, MANY)
    after = create(world, "another")
    assert [text for text, _ in after] == [text for text, _ in before]
    assert not [statement for statement in after if reads_all(world.store, statement)]


def test_a_page_costs_the_same_wherever_it_begins(world: World) -> None:
    fill(world.store, MANY)
    pages: list[list[Statement]] = []
    marker: dict[str, str] = {}
    while True:
        with noted(world.store) as found:
            page = world.iam.list_roles(MaxItems=1000, **marker)
        pages.append(found)
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert len(pages) == 3
    # The first one finds out who asks; from then on nobody has changed.
    assert [text for text, _ in pages[1]] == [text for text, _ in pages[2]]
    assert not [statement for page in pages for statement in page if reads_all(world.store, statement)]


def test_a_scan_would_be_noticed(world: World) -> None:
    fill(world.store, MANY)
    for text in ("SELECT id FROM entity WHERE description = 'x'", "SELECT id FROM entity ORDER BY path LIMIT 3"):
        assert reads_all(world.store, (text, {}))
