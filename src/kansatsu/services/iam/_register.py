"""How an IAM function becomes an operation, and how one function becomes the operations of user, group and role."""

from collections.abc import Callable, Iterable
from inspect import Parameter, Signature, signature
from typing import Any, TypeVar

from kansatsu.catalog import Authorization
from kansatsu.catalog.linked_roles import PATH as LINKED
from kansatsu.errors import UnmodifiableEntity
from kansatsu.identity import entities
from kansatsu.identity.entities import Entity
from kansatsu.services.iam import _resources
from kansatsu.services.iam._resources import Context, Locate
from kansatsu.services.registry import Call, Params, operation

F = TypeVar("F", bound=Callable[..., Any])

# The operations that AWS documents to have iam:PermissionsBoundary in their context.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
BOUNDARY_KEY = frozenset(
    f"{verb}{kind}{rest}"
    for kind in ("User", "Role")
    for verb, rest in (
        ("Create", ""),
        ("Attach", "Policy"),
        ("Detach", "Policy"),
        ("Put", "Policy"),
        ("Delete", "Policy"),
        ("Put", "PermissionsBoundary"),
        ("Delete", "PermissionsBoundary"),
    )
) | {"DeleteRole", "GetRole", "UpdateRole", "UpdateRoleDescription", "UpdateAssumeRolePolicy"}

# INVARIANT: a service-linked role is changed by its service alone; others may edit its description.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
PROTECTED = frozenset(
    f"{verb}Role{what}"
    for verb, what in (
        ("Attach", "Policy"),
        ("Detach", "Policy"),
        ("Put", "Policy"),
        ("Delete", "Policy"),
        ("Delete", ""),
        ("Put", "PermissionsBoundary"),
        ("Delete", "PermissionsBoundary"),
    )
)

# What makes things, and which action tags them then where its name does not follow from the operation's.
_MAKES = ("Create", "Upload")
_TAGGED_BY = {"CreateVirtualMFADevice": "iam:TagMFADevice"}


def iam(
    name: str,
    on: Locate,
    *,
    write: bool = False,
    slow: bool = False,
    authorize: Callable[[Call, Params], Iterable[Authorization]] | None = None,
) -> Callable[[F], F]:
    """Register the IAM operation `name`, authorized on what `on` finds."""
    action = f"iam:{name}"
    verb = next((verb for verb in _MAKES if name.startswith(verb)), None)
    tagging = _TAGGED_BY.get(name) or f"iam:Tag{name.removeprefix(verb or '')}"

    def resource(call: Call, params: Params) -> list[Authorization]:
        target, context = on(call, params)
        checks = [Authorization(action, target, _documented(name, context), True)]
        if verb is not None and params.get("Tags"):
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html: whoever tags at creation needs both.
            checks.append(Authorization(tagging, target, context, True))
        return checks

    return operation("iam", name, resource=resource, authorize=authorize, write=write, slow=slow)


def twins(name: str, *kinds: str, write: bool = False) -> Callable[[F], F]:
    """Register `name` once for each kind, as in "Attach{}Policy" of "user", "group" and "role".

    The function takes the entity itself in place of its name; NoSuchEntity is raised before it is called.
    """

    def register(function: F) -> F:
        for kind in kinds:
            operation = name.format(kind.capitalize())
            run = bind(function, f"{kind}_name", _finder(kind, operation in PROTECTED))
            iam(operation, _resources.entity(kind), write=write)(run)
        return function

    return register


def bind(function: Callable[..., Any], argument: str, find: Callable[[Call, str], Any]) -> Callable[..., Any]:
    """`function` with its subject named by the request's parameter `argument` and found before it is called."""

    def run(call: Call, **arguments: Any) -> Any:
        return function(call, find(call, arguments.pop(argument)), **arguments)

    head, _subject, *rest = signature(function).parameters.values()
    named = Parameter(argument, Parameter.POSITIONAL_OR_KEYWORD, annotation=str)
    run.__signature__ = Signature([head, named, *rest])  # type: ignore[attr-defined]  # read by inspect.signature
    return run


def changeable(call: Call, name: str) -> Entity:
    """A role that is not its service's alone to change. Raises NoSuchEntity, UnmodifiableEntity."""
    role = entities.get(call.conn, call.account, "role", name)
    if role.path.startswith(LINKED):
        raise UnmodifiableEntity(
            f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        )
    return role


def _finder(kind: str, protected: bool) -> Callable[[Call, str], Entity]:
    return changeable if protected else lambda call, name: entities.get(call.conn, call.account, kind, name)


def _documented(name: str, context: Context) -> Context:
    if name not in BOUNDARY_KEY:
        context.pop("iam:permissionsboundary", None)
    return context
