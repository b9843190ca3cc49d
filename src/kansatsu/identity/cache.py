"""A bounded cache whose entries know what they were made of, so that one change drops all that depend on it."""

from collections.abc import Hashable


class _Generation:
    __slots__ = ("dependents", "entries")

    def __init__(self) -> None:
        self.entries: dict[Hashable, tuple[object, tuple[str, ...]]] = {}
        self.dependents: dict[str, set[Hashable]] = {}

    def put(self, key: Hashable, value: object, depends: tuple[str, ...]) -> None:
        self.entries[key] = (value, depends)
        for dependency in depends:
            self.dependents.setdefault(dependency, set()).add(key)

    def drop(self, dependency: str) -> None:
        for key in self.dependents.pop(dependency, ()):
            self.entries.pop(key, None)


class Cache:
    """Two generations: when the young one is full it becomes the old one, and what was there is forgotten.

    An entry that is asked for moves to the young one, so that at least the last size/2 used are kept. Reading a young
    entry is one dictionary look-up; everything else is called under the caller's lock.
    """

    def __init__(self, size: int):
        self._half = max(1, size // 2)
        self._young = _Generation()
        self._old = _Generation()

    def __len__(self) -> int:
        return len(self._young.entries.keys() | self._old.entries.keys())

    def get(self, key: Hashable) -> object | None:
        """A young entry, or None. Needs no lock."""
        found = self._young.entries.get(key)
        return found[0] if found else None

    def recall(self, key: Hashable) -> object | None:
        """An entry of either generation, which is young from now on, or None."""
        found = self._young.entries.get(key)
        if found is None:
            found = self._old.entries.get(key)
            if found is not None:
                self.put(key, *found)
        return found[0] if found else None

    def put(self, key: Hashable, value: object, depends: tuple[str, ...]) -> None:
        """Keep `value`, made of the things that `depends` names."""
        if len(self._young.entries) >= self._half:
            self._old, self._young = self._young, _Generation()
        self._old.entries.pop(key, None)  # or it would come back when the new one is dropped
        self._young.put(key, value, depends)

    def drop(self, dependency: str) -> None:
        """Forget every entry that was made of this."""
        self._young.drop(dependency)
        self._old.drop(dependency)

    def clear(self) -> None:
        self._young, self._old = _Generation(), _Generation()
