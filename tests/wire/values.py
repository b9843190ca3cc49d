"""Values for shapes: with every member set, or with the required ones alone; botocore's shapes say which."""

from datetime import UTC, datetime
from typing import Any

from botocore.model import Shape

MOMENT = datetime(2026, 1, 31, 12, 34, 56, 789000, UTC)
WHOLE = MOMENT.replace(microsecond=0)
TRICKY = "a&b<c>\"d' é漢 +%/=;"


class Values:
    """A generator of values; `full` sets every member, else only the required ones."""

    def __init__(self, full: bool, xml: bool = False):
        self.full = full
        self.count = 0
        self.text = self.names = TRICKY  # the second in paths

    def of(self, shape: Shape, seen: tuple[str, ...] = ()) -> Any:
        """A value of the shape; recursion ends after one round."""
        self.count += 1
        return getattr(self, f"_{shape.type_name}", self._string)(shape, seen)

    def _structure(self, shape: Any, seen: tuple[str, ...]) -> Any:
        if shape.is_document_type:
            return {"a": [1, "b", None, {"c": True}]}
        found: dict[str, Any] = {}
        for name, member in shape.members.items():
            if member.serialization.get("eventstream") or member.serialization.get("streaming"):
                continue
            if seen.count(member.name) > 1 or not (self.full or name in shape.required_members):
                continue
            if shape.is_tagged_union and found:
                break
            value = self.of(member, (*seen, shape.name))
            if value != {} and value != []:
                found[name] = value
        return found

    def _list(self, shape: Any, seen: tuple[str, ...]) -> Any:
        if seen.count(shape.member.name) > 1:
            return []
        items = [self.of(shape.member, (*seen, shape.name)) for _ in range(2)]
        return [item for item in items if item != {} and item != []]

    def _map(self, shape: Any, seen: tuple[str, ...]) -> Any:
        if seen.count(shape.value.name) > 1:
            return {}
        value = self.of(shape.value, (*seen, shape.name))
        if value in ({}, []):
            return {}
        header = shape.serialization.get("location") == "headers"
        return {"key": value} if header else {"a key": value, "b": value}

    def _string(self, shape: Any, seen: tuple[str, ...]) -> Any:
        if shape.serialization.get("jsonvalue"):
            return {"a": [1, 2]}
        if shape.serialization.get("hostLabel"):
            return "label"
        if shape.serialization.get("location") in ("header", "headers") or getattr(shape, "in_header", False):
            return f"value{self.count}"
        if shape.enum:
            return shape.enum[0]
        if shape.serialization.get("location") == "uri":
            return f"{self.names}{self.count}"
        return f"{self.text}{self.count}"

    def _integer(self, shape: Any, seen: tuple[str, ...]) -> Any:
        return self.count

    _long = _integer

    def _float(self, shape: Any, seen: tuple[str, ...]) -> Any:
        return self.count + 0.5

    _double = _float

    def _boolean(self, shape: Any, seen: tuple[str, ...]) -> Any:
        return self.count % 2 == 0

    def _blob(self, shape: Any, seen: tuple[str, ...]) -> Any:
        return b"\x00\xff bytes %d" % self.count

    def _timestamp(self, shape: Any, seen: tuple[str, ...]) -> Any:
        location = shape.serialization.get("location")
        rfc = shape.serialization.get("timestampFormat") == "rfc822"
        return WHOLE if location == "header" or rfc or "rest" in self.protocol else MOMENT

    protocol = ""
