"""What packages offer is loaded when it is first used: every name is there, is what its module has, and no other is."""

import subprocess
import sys
from importlib import import_module

import pytest

PACKAGES = ("advisor", "delivery", "identity", "workload")


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_is_there_whatever_is_imported_first(name: str) -> None:
    program = f"""
import sys, types
from importlib import import_module
package = import_module("kansatsu.{name}")
for name in reversed(package.__all__):
    value = getattr(package, name)
    modules = [module for module in vars(package).values() if isinstance(module, types.ModuleType)]
    assert value in modules or any(getattr(module, name, None) is value for module in modules), name
    assert isinstance(value, types.ModuleType) == (f"kansatsu.{name}.{{name}}" in sys.modules), name
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_name_is(name: str) -> None:
    with pytest.raises(AttributeError, match=f"^module 'kansatsu.{name}' has no attribute 'nobody'$"):
        _ = import_module(f"kansatsu.{name}").nobody


def test_the_schema_has_all_tables_before_anything_else_is_imported() -> None:
    program = """
import pkgutil
from importlib import import_module
from kansatsu.identity import schema
before = set(schema.metadata.tables)
import kansatsu
for name in ("identity", "advisor", "workload", "resources", "services", "gateway", "cli"):
    for module in pkgutil.walk_packages(import_module(f"kansatsu.{name}").__path__, f"kansatsu.{name}."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            import_module(module.name)
assert before == set(schema.metadata.tables), set(schema.metadata.tables) - before
assert "organization" in before
"""
    subprocess.run([sys.executable, "-c", program], check=True)
