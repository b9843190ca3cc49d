"""What a fact about a resource of the backend is: a kind of them is one row of the table in `kinds`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Place(NamedTuple):
    """A resource that facts are about: who owns it (12 digits), its ARN, and the Region to ask in."""

    account: str
    arn: str
    region: str

    @property
    def name(self) -> str:
        """The last part of the ARN, after the account."""
        return self.arn.split(":", 5)[5]


class Unsupported:
    """The backend has no such thing as this kind of fact."""


UNSUPPORTED: Final = Unsupported()


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One kind of fact: how to ask the backend for it, how to read the answer, what passing by changes it.

    `service` and `operation` are botocore's names, `params` makes the parameters from the place. `read` makes the
    value of the answer; it may raise AwsError, and then the fact cannot be known. `absent` are error codes that mean
    that there is none (or no such resource): `nothing` is the value then. `changed_by` are operations
    ("s3.DeleteBucket") that may change it, creation and deletion of the resource included.
    """

    name: str
    service: str
    operation: str
    params: Callable[[Place], Mapping[str, Any]]
    read: Callable[[Place, Mapping[str, Any]], T]
    nothing: T
    absent: frozenset[str]
    changed_by: frozenset[str]
