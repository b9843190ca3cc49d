"""The page of the catalog, taken apart, and the script that writes it."""

import functools
import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


@functools.cache
def catalog_page() -> ModuleType:
    """scripts/catalog_page.py"""
    spec = importlib.util.spec_from_file_location("catalog_page", ROOT / "scripts" / "catalog_page.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _text() -> list[str]:
    return list(catalog_page().PAGE.read_text().splitlines())


def rows() -> list[str]:
    """The rows of its table, one a service."""
    return [line for line in _table() if not line.startswith("| `")]


def lines() -> list[str]:
    """The rows of the second table, and the lines that name what falls back, service by service."""
    text = _text()
    found = [line for line in _table() if line.startswith("| `")]
    return found + [line for line in text[text.index(rows()[-1]) :] if line.startswith("- ")]


def _table() -> list[str]:
    return [line for line in _text() if line.startswith("| ") and line.split("|")[2].strip().isdecimal()]
