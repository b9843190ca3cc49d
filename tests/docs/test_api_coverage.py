"""The page of what is covered of IAM and STS is that of the models, the registry and the tests."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from kansatsu import services
from kansatsu.services.registry import handlers

ROOT = Path(__file__).parents[2]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
    return import_module("api_coverage")


def test_the_page_is_up_to_date(made: Any) -> None:
    assert made.PAGE.read_text() == made.page(), "run scripts/api_coverage.py"


def test_every_operation_that_is_there_is_proven_by_a_test(made: Any) -> None:
    services.load()
    ours = {item.name for item in handlers() if item.service in made.SERVICES}
    assert sorted(name for name in ours if not made.proofs()[name].tests) == []


def test_every_error_of_the_models_is_provoked_or_named(made: Any) -> None:
    services.load()
    known = made.proofs()
    missing = [
        (operation, code)
        for service in made.SERVICES
        for operation in made.wire.load_service(service).operation_names
        for code in made.declared(service, operation)
        if code not in known[operation].errors
    ]
    assert missing == []
