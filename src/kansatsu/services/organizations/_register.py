"""How a function becomes an operation of Organizations: on what it is authorized, and which accounts may call it.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_permissions_overview.html
"""

from collections.abc import Callable, Iterator
from enum import Enum
from inspect import Signature, signature
from typing import Any, TypeVar

from kansatsu.catalog import Authorization, asked_tags
from kansatsu.identity import tags
from kansatsu.identity.organizations import Organization, delegation, policies, tree
from kansatsu.identity.organizations.errors import error
from kansatsu.services.registry import Call, Params, operation

F = TypeVar("F", bound=Callable[..., Any])
Locate = Callable[[Call, Organization, Params], tuple[str, ...]]


class By(Enum):
    """Whose call it may be: the management account's, a delegated administrator's too, any member's."""

    MANAGEMENT = 1
    DELEGATED = 2
    MEMBER = 3


def organizations(
    name: str,
    on: Locate | None = None,
    *,
    by: By = By.MANAGEMENT,
    write: bool = False,
) -> Callable[[F], F]:
    """Register operation `name`, authorized on what `on` finds, of callers in an organization.

    The function takes the caller's organization after the call. INVARIANT: nobody but who `by` names gets there.
    """

    def resource(call: Call, params: Params) -> Iterator[Authorization]:
        org = tree.find(call.conn, call.account)
        found = on(call, org, params) if on is not None and org is not None else ("*",)
        for target in found or ("*",):
            keys = _keys(call, org, params, target)
            yield Authorization(f"organizations:{name}", target, keys, True)
            if params.get("Tags") and name != "TagResource":
                yield Authorization("organizations:TagResource", target, keys, True)

    def register(function: F) -> F:
        def run(call: Call, **arguments: Any) -> Any:
            return function(call, admitted(call, by), **arguments)

        head, _organization, *rest = signature(function).parameters.values()
        run.__signature__ = Signature([head, *rest])  # type: ignore[attr-defined]  # read by inspect.signature
        operation("organizations", name, resource=resource, write=write)(run)
        return function

    return register


def admitted(call: Call, by: By) -> Organization:
    """The caller's organization. Raises AWSOrganizationsNotInUseException, AccessDeniedException."""
    org = tree.get(call.conn, call.account)
    if org.account == call.account or by is By.MEMBER:
        return org
    if by is By.DELEGATED and delegation.is_delegated(call.conn, org, call.account):
        return org
    raise error("AccessDeniedException")


def _keys(call: Call, org: Organization | None, params: Params, target: str) -> dict[str, str | tuple[str, ...]]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html"""
    keys: dict[str, str | tuple[str, ...]] = dict(asked_tags(params))
    # A Filter is a type of policies, or, of handshakes, a structure.
    kind = next((params[name] for name in ("PolicyType", "Type", "Filter") if isinstance(params.get(name), str)), None)
    if org is not None and "PolicyId" in params:
        held = policies.find(call.conn, org, params["PolicyId"])
        kind = held.type if held is not None else None
    if kind in policies.TYPES:
        keys["organizations:policytype"] = str(kind)
    if principal := params.get("ServicePrincipal"):
        keys["organizations:serviceprincipal"] = str(principal)
    if target != "*":
        held_tags = tags.of(call.conn, target.rpartition("/")[2])
        keys |= {f"aws:resourcetag/{key.lower()}": value for key, value in held_tags.items()}
    return keys


def named(*members: str) -> Locate:
    """The things in the organization whose ids these parameters are."""

    def locate(call: Call, org: Organization, params: Params) -> tuple[str, ...]:
        return tuple(arn_of(call, org, str(params[member])) for member in members if member in params)

    return locate


def arn_of(call: Call, org: Organization, id: str) -> str:
    """The ARN of a root, unit, account, policy or handshake by its id, there or not."""
    if id.startswith("p-"):
        held = policies.find(call.conn, org, id)
        return policies.policy_arn(org, held) if held is not None else org.arn("policy", "*", id)
    if id.startswith("h-"):
        return org.arn("handshake", "invite", id)
    return org.arn(kind_of(id), id)


def kind_of(id: str) -> str:
    """What the ARN calls a thing with that id."""
    return next((kind for head, kind in (("r-", "root"), ("ou-", "ou")) if id.startswith(head)), "account")


def target_type(id: str) -> str:
    """The same as answers spell it."""
    return {"root": "ROOT", "ou": "ORGANIZATIONAL_UNIT", "account": "ACCOUNT"}[kind_of(id)]


def existing(call: Call, org: Organization, id: str, code: str = "TargetNotFoundException") -> str:
    """The id of a root, unit or account that there is. Raises an error of that code."""
    found = id == org.root or tree.unit(call.conn, org, id) or tree.member(call.conn, org, id)
    if not found:
        raise error(code)
    return id
