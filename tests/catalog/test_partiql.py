"""Statements of PartiQL: each attack names another table than the one that is authorized, for some reader."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu import catalog, wire
from kansatsu.catalog import partiql
from kansatsu.errors import AwsError

TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/"

ATTACKS = [
    "",
    "SELECT",
    "SELECT * FROM",
    'SELECT * FROM "t", "u"',
    'SELECT * FROM "t" a, "u" b',
    "SELECT * FROM t a, u b",
    'SELECT * FROM "t" AS a CROSS JOIN "u"',
    'SELECT * FROM "t" INNER JOIN "u" ON 1=1',
    'SELECT * FROM "t" alias',
    'SELECT * FROM ("u")',
    'SELECT * FROM "u" FROM "t"',
    'SELECT (SELECT * FROM "u") FROM "t"',
    'SELECT * FROM (SELECT * FROM "u")',
    'SELECT * FROM "t" WHERE a IN (SELECT b FROM "u")',
    'SELECT * FROM "t" WHERE EXISTS(SELECT b FROM "u")',
    'SELECT * FROM "t" UNION SELECT * FROM "u"',
    'SELECT * FROM "t" WHERE a=1 union all select * from "u"',
    'SELECT * FROM "t" WHERE a=1; SELECT * FROM "u"',
    'SELECT * FROM "t"; ;',
    'DELETE FROM "t" WHERE a=1; DELETE FROM "u" WHERE a=1',
    'SELECT * FROM "t" -- "u"',
    'SELECT * FROM "t" --\n, "u"',
    "SELECT * FROM /* t */ u",
    'SELECT * FROM "t" /**/, "u"',
    "SELECT * FROM a.b",
    "SELECT * FROM 't'",
    "SELECT * FROM `t`",
    'SELECT * FROM "t*"',
    'SELECT * FROM "t/index/i"',
    'SELECT * FROM "t".',
    'SELECT * FROM "t"."i"."j"',
    'SELECT * FROM "t"."i", "u"',
    'SELECT * FROM "t""u"',
    'SELECT * FROM "t" "u"',
    'SELECT * FROM\u00a0"t"',
    'SELECT * FROM "t" WHERE a=\u2018x\u2019',
    'SELECT * FROM "t" WHERE a=1\x00',
    'SELECT * FROM "t" WHERE a=\'unended',
    'SELECT * FROM "t" WHERE a="unended',
    'SELECT \' FROM "u" \' FROM "t"',
    'SELECT "x FROM u" FROM "t"',
    "SELECT * FROM \"t\" WHERE a='\\' AND b=' UNION SELECT * FROM u'",
    "SELECT * FROM \"t\" WHERE a='--'\nAND b=' UNION SELECT * FROM u'",
    "SELECT * FROM \"t\" WHERE a='/*' AND b='*/ UNION SELECT * FROM u'",
    "DROP TABLE t",
    'CREATE TABLE "t"',
    'INSERT INTO "t" SELECT * FROM "u"',
    'INSERT INTO "t" "u" VALUE {}',
    'INSERT INTO "t" VALUE {\'a\': (SELECT b FROM "u")}',
    'UPDATE "t", "u" SET a=1',
    'UPDATE "t"."i" SET a=1 WHERE a=1',
    'UPDATE "t" SET a=1 FROM "u" WHERE a=1',
    'UPDATE "t" SET a=(SELECT b FROM "u") WHERE a=1',
    'DELETE FROM "t" USING "u"',
    'DELETE "t" FROM "u"',
    'REPLACE INTO "t" VALUE {}',
    'EXISTS(SELECT * FROM "t") AND EXISTS(SELECT * FROM "u")',
]

GOOD: list[tuple[str, str, tuple[tuple[str, str], ...]]] = [
    ("SELECT * FROM \"t\" WHERE a='x -- y' AND b='it''s /* fine'", "Select", (("t", ""),)),
    ("select a.b[0], size(c) from t where d in ['from u', ?] order by e desc", "Select", (("t", ""),)),
    ('SELECT * FROM "t"."i" WHERE "from"=1;', "Select", (("t", "i"),)),
    (f'SELECT * FROM "{TABLE}t"', "Select", ((f"{TABLE}t", ""),)),
    ('SELECT * FROM "t.u"', "Select", (("t.u", ""), ("t", "u"))),
    ("INSERT INTO \"t\" VALUE {'a': <<1, 2>>, 'b': {'c': [true, null, -1.5e3]}}", "Insert", (("t", ""),)),
    ('UPDATE "t" SET a=a+1 REMOVE b[1] WHERE c=? RETURNING ALL OLD *', "Update", (("t", ""),)),
    ("DELETE FROM t WHERE a=1 AND (b < 2 OR begins_with(c, 'd'))", "Delete", (("t", ""),)),
]


def checks(operation: str, params: dict[str, Any]) -> tuple[catalog.Authorization, ...]:
    return catalog.resolve(
        wire.load_service("dynamodb").operation(operation), params, "123456789012", "eu-west-1", lambda *_: ("pk",)
    )


@pytest.mark.parametrize("statement", ATTACKS)
@pytest.mark.parametrize("operation", ["ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"])
def test_what_may_mean_a_second_table_is_refused(operation: str, statement: str) -> None:
    good = {"Statement": 'SELECT * FROM "t"'}
    asked = {
        "ExecuteStatement": {"Statement": statement},
        "BatchExecuteStatement": {"Statements": [good, {"Statement": statement}]},
        "ExecuteTransaction": {"TransactStatements": [good, {"Statement": statement}]},
    }[operation]
    with pytest.raises(AwsError, match=r"^Statement wasn't well formed, can't be processed: ") as refused:
        checks(operation, asked)
    assert refused.value.code == "ValidationException"


@pytest.mark.parametrize(("statement", "verb", "places"), GOOD)
def test_every_place_that_is_named_is_authorized(
    statement: str, verb: str, places: tuple[tuple[str, str], ...]
) -> None:
    found = checks("ExecuteStatement", {"Statement": statement})
    names = [name.removeprefix(TABLE) + (f"/index/{index}" if index else "") for name, index in places]
    assert [(item.action, item.resource) for item in found] == [
        (f"dynamodb:PartiQL{verb}", f"{TABLE}{name}") for name in names
    ]


@pytest.mark.parametrize(
    ("condition", "scan"),
    [
        ("pk='x'", "false"),
        ('"pk" = ?', "false"),
        ("a=1 AND (pk=2)", "false"),
        ("pk=1 OR a=2", "true"),
        ("pk=pk", "true"),
        ("info.pk='x'", "true"),
        ("size(pk)=1", "true"),
        ("NOT pk=1", "true"),
        ("a='pk'", "true"),
    ],
)
def test_a_full_scan_is_one_however_it_is_disguised(condition: str, scan: str) -> None:
    (check,) = checks("ExecuteStatement", {"Statement": f'SELECT * FROM "t" WHERE {condition}'})
    assert check.context["dynamodb:fulltablescan"] == scan


PIECES = [
    "SELECT",
    "*",
    "FROM",
    '"t"',
    '"u"',
    "u",
    ",",
    "(",
    ")",
    "WHERE",
    "a",
    "=",
    "'x'",
    ";",
    "JOIN",
    "--",
    "\n",
    ".",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join))
def test_whatever_is_taken_names_one_table(text: str) -> None:
    try:
        statement = partiql.parse(text)
    except AwsError:
        return
    before, _, after = text.partition("FROM")
    assert {statement.table} == {after.split()[0].strip('"')}
    assert "FROM" not in after and "," not in after.partition("WHERE")[0] and "JOIN" not in text
    assert before.startswith("SELECT")


@pytest.mark.parametrize(
    ("statement", "key", "value"),
    [
        ('SELECT * FROM "t"', "select", "ALL_ATTRIBUTES"),
        ('SELECT * FROM "t"."i"', "select", "ALL_PROJECTED_ATTRIBUTES"),
        ('SELECT a FROM "t"', "select", "SPECIFIC_ATTRIBUTES"),
        ("DELETE FROM \"t\" WHERE a='1' RETURNING ALL OLD *", "returnvalues", "ALL_OLD"),
        ("UPDATE \"t\" SET b=1 WHERE a='1' RETURNING ALL NEW *", "returnvalues", "ALL_NEW"),
        ("UPDATE \"t\" SET b=1 WHERE a='1' returning modified old *", "returnvalues", "UPDATED_OLD"),
        ("UPDATE \"t\" SET b=1 WHERE a='1' RETURNING MODIFIED NEW *;", "returnvalues", "UPDATED_NEW"),
        ("UPDATE \"t\" SET b=1 WHERE a='1' RETURNING MODIFIED NEW", "returnvalues", "ALL_OLD"),
        ("UPDATE \"t\" SET b=1 WHERE a='1' RETURNING ALL OLD * RETURNING MODIFIED", "returnvalues", "ALL_OLD"),
        ("UPDATE \"t\" SET b='RETURNING ALL OLD *' WHERE a='1'", "returnvalues", None),
    ],
)  # fmt: skip
def test_what_a_statement_gives_back(statement: str, key: str, value: str | None) -> None:
    operation = wire.load_service("dynamodb").operation("ExecuteStatement")
    (check,) = catalog.resolve(operation, {"Statement": statement}, "123456789012", "eu-west-1")
    assert check.context.get(f"dynamodb:{key}") == value
