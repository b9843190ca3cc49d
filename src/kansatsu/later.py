"""Names of a package that are loaded when they are first used, so that a command imports only what it needs."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def later(package: str, places: Mapping[str, str]) -> Callable[[str], object]:
    """The package's `__getattr__`: `places` has the names that each module gives it.

    Its own name among them is the module: a function of that name could not be told from it.
    """
    where = {name: module for module, names in places.items() for name in names.split()}

    def find(name: str) -> object:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{where[name]}")
        value = module if name == where[name] else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    return find
