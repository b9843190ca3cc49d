"""The document of GetAccountAuthorizationDetails, read: what is in it, and what is wrong with each thing.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from kansatsu import wire
from kansatsu.arn import Arn
from kansatsu.catalog.linked_roles import PATH
from kansatsu.errors import AwsError, InvalidInput
from kansatsu.policy import PolicyType, parse

Item = Mapping[str, Any]
SECTIONS = {"user": "UserDetailList", "group": "GroupDetailList", "role": "RoleDetailList"}
_PREFIXES = {"user": "AIDA", "group": "AGPA", "role": "AROA", "policy": "ANPA", "instance-profile": "AIPA"}
_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,28}", re.ASCII)
_LINKED_PATH = re.compile(re.escape(PATH) + r"([a-z0-9-]+\.)+amazonaws\.com/", re.ASCII)
_raw_decode = json.JSONDecoder().raw_decode
_HALF = re.compile(r"[\ud800-\udfff]|\\u[dD][89a-fA-F]")  # maybe half of a character outside the first 65,536
_MARKS = {mark: re.compile(rf"[ \t\n\r]*{re.escape(mark)}[ \t\n\r]*") for mark in "{[:,]}"}
_AHEAD = 86400  # seconds that this clock may be behind that of whoever printed the document


@dataclass(slots=True)
class Details:
    """What is in the document, for account `account`; `problems` has a sentence for each thing that cannot be."""

    account: str
    source: str  # the account that it was taken from
    sections: Mapping[str, list[Item]]
    problems: list[str] = field(default_factory=list)

    @contextmanager
    def about(self, what: str) -> Iterator[None]:
        """Whatever is raised inside is a problem of this thing."""
        try:
            yield
        except AwsError as error:
            self.problems.append(f"{what}: {error.message}")
        except KeyError as missing:
            self.problems.append(f"{what}: it has no {missing.args[0]}.")
        except (AttributeError, OSError, OverflowError, TypeError, ValueError) as error:
            self.problems.append(f"{what}: it is not of the documented form ({error}).")

    def text(self, given: object) -> str:
        """A policy document as text: an object, as the AWS CLI prints it, or percent-encoded, as it is sent."""
        if not isinstance(given, str):
            # No more is escaped than must be: each character counts against the quota of the policy.
            text = json.dumps(given, ensure_ascii=False)
            return self.own(re.sub(r"[^\x00-\xff]", lambda found: json.dumps(found[0])[1:-1], text))
        return self.own(given if given.lstrip().startswith("{") else unquote(given))

    def own(self, text: str) -> str:
        """Text in which the account is the one that all goes into."""
        if self.source == self.account:
            return text
        return re.sub(rf"(?<!\d){self.source}(?!\d)", self.account, text)

    def policy(self, given: object, kind: PolicyType) -> str:
        """A policy document that is valid. Raises MalformedPolicyDocument."""
        text = self.text(given)
        parse(text, kind)
        return text


def read(text: str, account: str) -> Details:
    """Raises InvalidInput for what is no such document, or not all of one."""
    try:
        document = loaded(text)
        sections = {name: list(document.get(name, [])) for name in (*SECTIONS.values(), "Policies")}
        found = accounts_of(sections)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise InvalidInput("This is not JSON as get-account-authorization-details prints it.") from None
    if document.get("IsTruncated"):
        raise InvalidInput("This is only a page of the details: ask for them without --max-items and --no-paginate.")
    if len(found) > 1:
        raise InvalidInput(f"These are details of several accounts: {', '.join(sorted(found))}.")
    if not found:
        raise InvalidInput("There is no user, group, role or policy in this document.")
    return Details(account, found.pop(), sections)


def loaded(text: str) -> dict[str, Any]:
    """json.loads() of an object, which reads the lists in it item by item: between two of them others go on.

    Raises ValueError, RecursionError.
    """
    found: dict[str, Any] = {}
    at = _behind("{", text, 0)
    more = not text.startswith("}", at)
    while more:
        name, at = _decode(text, at)
        if not isinstance(name, str):
            raise ValueError(f"{name} is no name")
        at = _behind(":", text, at)
        found[name], at = _items(text, at) if text.startswith("[", at) else _decode(text, at)
        more, at = _goes_on(text, at)
    if _behind("}", text, at) < len(text):
        raise ValueError("there is something behind the object")
    return found


def _items(text: str, at: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    at = _behind("[", text, at)
    more = not text.startswith("]", at)
    while more:
        item, at = _decode(text, at)
        items.append(item)
        more, at = _goes_on(text, at)
    return items, _behind("]", text, at)


def _decode(text: str, at: int) -> tuple[Any, int]:
    """Raises ValueError, also for half a character: neither an answer nor the store could hold it."""
    value, end = _raw_decode(text, at)
    if _HALF.search(text, at, end):
        json.dumps(value, ensure_ascii=False).encode()
    return value, end


def _behind(mark: str, text: str, at: int) -> int:
    """Where the next token begins behind the mark, which must stand here."""
    found = _MARKS[mark].match(text, at)
    if found is None:
        raise ValueError(f"there is no {mark} at {at}")
    return found.end()


def _goes_on(text: str, at: int) -> tuple[bool, int]:
    """Is there a comma here? And where the next token begins."""
    comma = _MARKS[","].match(text, at)
    return comma is not None, at if comma is None else comma.end()


def accounts_of(sections: Mapping[str, list[Item]]) -> set[str]:
    """The accounts that own what is listed."""
    parsed = [Arn.parse(str(item.get("Arn", ""))) for items in sections.values() for item in items]
    return {each.account for each in parsed if each is not None and each.account.isdigit()}


def when(given: object, now: datetime) -> float:
    """A time as the AWS CLI prints it, or in epoch seconds. Raises ValueError, InvalidInput for what is yet to come."""
    if isinstance(given, int | float):
        found = datetime.fromtimestamp(given, UTC).timestamp()
    else:
        parsed = datetime.fromisoformat(str(given))
        found = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    if not 0 <= found <= now.timestamp() + _AHEAD:
        raise InvalidInput(f"nothing was made at {given}.")
    return found


def version_number(given: str) -> int:
    """Of a version's id, such as "v7". Raises InvalidInput."""
    if not re.fullmatch(r"v[1-9][0-9]{0,8}", given, re.ASCII):
        raise InvalidInput(f"{given!r} is no id of a version.")
    return int(given[1:])


def unique_id(kind: str, given: str) -> str:
    """Raises InvalidInput for what is no id of such a thing."""
    if not _ID.fullmatch(given) or not given.startswith(_PREFIXES[kind]):
        raise InvalidInput(f"{given!r} is no unique id of such a thing ({_PREFIXES[kind]}...).")
    return given


def check(operation: str, **params: Any) -> None:
    """Hold names, paths, tags to the model. Raises AWS's ValidationError."""
    wire.validate(wire.load_service("iam").operation(operation), params)


def check_linked(role: Item, trust: str) -> None:
    """INVARIANT: no role gets the freedoms of a service-linked one unless services alone may assume it.

    Nor has one what nobody could take from it, and what would keep it from being deleted. Its policies are looked at
    one by one. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
    """
    if not is_linked(role):
        return
    if not _LINKED_PATH.fullmatch(role["Path"]):
        raise InvalidInput(f"The path of a service-linked role is {PATH}, its service (x.amazonaws.com) and a slash.")
    document = parse(trust, PolicyType.TRUST)
    if any(kind != "Service" for statement in document.statements for kind, _ in statement.principals):
        raise InvalidInput("A service-linked role may trust services only.")
    if any(statement.not_principal for statement in document.statements):
        raise InvalidInput("A service-linked role may trust services only.")
    if role.get("RolePolicyList") or role.get("InstanceProfileList"):
        raise InvalidInput("A service-linked role has neither inline policies nor instance profiles.")
    if role.get("PermissionsBoundary"):
        raise InvalidInput("A service-linked role has no permissions boundary.")


def check_name(kind: str, item: Item) -> None:
    """INVARIANT: nothing passes for a service-linked role that is none: who has a role's name is one."""
    if others := sorted(item.keys() & {f"{each.capitalize()}Name" for each in SECTIONS if each != kind}):
        raise InvalidInput(f"a {kind} has no {others[0]}.")


def is_linked(owner: Item) -> bool:
    """Is it a service-linked role?"""
    return "RoleName" in owner and str(owner["Path"]).startswith(PATH)


def check_policy(owner: Item, policy_arn: str) -> None:
    """INVARIANT: AWS's policies for service-linked roles are theirs alone, and they have no other: SCPs do not limit
    such a role, so that whoever could hang another policy on it would be free of them.
    """
    for_linked = policy_arn.startswith(f"arn:aws:iam::aws:policy{PATH}")
    if is_linked(owner) and not for_linked:
        raise InvalidInput(f"{policy_arn} is no policy for service-linked roles.")
    if for_linked and not is_linked(owner):
        raise InvalidInput(f"{policy_arn} is for service-linked roles alone.")
