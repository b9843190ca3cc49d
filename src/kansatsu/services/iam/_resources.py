"""What an IAM operation is authorized on: the ARN with its real path, and the condition keys that belong to it."""

from collections.abc import Callable, Iterable, Mapping

from kansatsu import arn
from kansatsu.catalog import Authorization, asked_tags
from kansatsu.errors import ValidationError
from kansatsu.identity import EntityRecord, credentials, entities, managed, profiles, roots, tags
from kansatsu.identity.entities import Entity
from kansatsu.services.iam.simulated import entity_of
from kansatsu.services.registry import Call, Params

Context = dict[str, str | tuple[str, ...]]
Target = tuple[str, Context]
Locate = Callable[[Call, Params], Target]

_WORDS = {"user": "User", "group": "Group", "role": "Role"}
_NAMES = {
    "policy": "PolicyName",
    "instance-profile": "InstanceProfileName",
    "mfa": "VirtualMFADeviceName",
    "server-certificate": "ServerCertificateName",
}


def caller_name(call: Call) -> str:
    """The user who calls, for operations whose UserName may be left out. Raises ValidationError for sessions."""
    if call.caller.kind != "user" or call.caller.session is not None:
        raise ValidationError("Must specify userName when calling with non-User credentials")
    return call.caller.name


def user(call: Call, name: str | None) -> Entity:
    """The user of that name, or the one who calls, who may be the root user. Raises NoSuchEntity, ValidationError."""
    if name is None and call.caller.kind == roots.KIND:
        return roots.ensure(call.conn, call.account, call.now.timestamp())
    return entities.get(call.conn, call.account, "user", name or caller_name(call))


def entity(kind: str) -> Locate:
    """An existing user, group or role by the name in the request."""
    member = f"{_WORDS[kind]}Name"

    def locate(call: Call, params: Params) -> Target:
        if member not in params and call.caller.kind == roots.KIND:
            return arn.iam(call.account, roots.KIND), _request_keys(params)
        name = params.get(member) or caller_name(call)
        record = call.snapshot.find(call.account, kind, name)
        context = _request_keys(params)
        if policy_arn := params.get("PolicyArn"):
            context["iam:policyarn"] = policy_arn
        if record is None:
            return arn.entity(call.account, kind, "/", name), context
        _add_tags(context, record.tags)
        _add_boundary(context, record)
        return record.arn, context

    return locate


def renamed(kind: str) -> Callable[[Call, Params], Iterable[Authorization]]:
    """The further check of UpdateUser and UpdateGroup: the target must be the caller's to change as well.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateUser.html
    INVARIANT: nobody gets out of a path, or into one, that their policy does not cover by renaming.
    """
    word = _WORDS[kind]

    def authorize(call: Call, params: Params) -> Iterable[Authorization]:
        if f"New{word}Name" not in params and "NewPath" not in params:
            return
        record = call.snapshot.find(call.account, kind, params[f"{word}Name"])
        path = params.get("NewPath") or (record.path if record is not None else "/")
        name = params.get(f"New{word}Name") or params[f"{word}Name"]
        context: Context = {}
        if record is not None:
            _add_tags(context, record.tags)
        yield Authorization(f"iam:Update{word}", arn.entity(call.account, kind, path, name), context, True)

    return authorize


def new(kind: str) -> Locate:
    """A thing that the request will create: its path and name are in the request."""
    member = _NAMES.get(kind) or f"{_WORDS[kind]}Name"

    def locate(call: Call, params: Params) -> Target:
        return arn.entity(call.account, kind, params.get("Path", "/"), params[member]), _request_keys(params)

    return locate


def policy(call: Call, params: Params) -> Target:
    """A managed policy by its ARN."""
    context = _request_keys(params)
    found = managed.find(call.conn, params["PolicyArn"])
    if found is not None and found.account == call.account:
        _add_tags(context, tags.of(call.conn, found.id))
    return params["PolicyArn"], context


def is_policy(named: str) -> bool:
    """Is this the ARN of a managed policy, as against those of users, groups and roles?"""
    parsed = arn.Arn.parse(named)
    return parsed is not None and parsed.resource.startswith("policy/")


def by_arn(member: str) -> Locate:
    """A user, group, role or managed policy that the request names by its ARN."""

    def locate(call: Call, params: Params) -> Target:
        named = params[member]
        context: Context = {}
        if is_policy(named):
            return policy(call, {"PolicyArn": named})
        record = entity_of(call.snapshot, named)
        if record is not None and record.account == call.account:
            _add_tags(context, record.tags)
        return named, context

    return locate


def asked(params: Params, held: Mapping[str, str] | None = None) -> Context:
    """The condition keys of a request about a resource with these tags."""
    context = _request_keys(params)
    _add_tags(context, held or {})
    return context


def credential(kind: str, member: str, arn_of: Callable[[str, str], str]) -> Locate:
    """An existing credential of the account by its name in the request; `arn_of` takes the account and that name."""

    def locate(call: Call, params: Params) -> Target:
        found = credentials.named(call.conn, call.account, kind, params[member])
        if found is None:
            return arn_of(call.account, params[member]), asked(params)
        return found.details.get("arn", found.name), asked(params, tags.of(call.conn, found.id))

    return locate


def profile(call: Call, params: Params) -> Target:
    """An existing instance profile by name."""
    name = params["InstanceProfileName"]
    context = _request_keys(params)
    found = profiles.find(call.conn, call.account, name)
    if found is None:
        return arn.entity(call.account, "instance-profile", "/", name), context
    _add_tags(context, tags.of(call.conn, found.id))
    return found.arn, context


def below(kind: str) -> Locate:
    """All of a kind below a path: what the List operations are authorized on."""

    def locate(call: Call, params: Params) -> Target:
        return arn.iam(call.account, kind + params.get("PathPrefix", "/")), {}

    return locate


def everything(_call: Call, _params: Params) -> Target:
    return "*", {}


def role_target(call: Call, name: str) -> Target:
    """A role by its name, for iam:PassRole."""
    return entity("role")(call, {"RoleName": name})


def _request_keys(params: Params) -> Context:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html"""
    context = asked_tags(params)
    if boundary := params.get("PermissionsBoundary"):
        context["iam:permissionsboundary"] = boundary
    return context


def _add_tags(context: Context, held: Mapping[str, str]) -> None:
    for key, value in held.items():
        context[f"iam:resourcetag/{key.lower()}"] = value
        context[f"aws:resourcetag/{key.lower()}"] = value


def _add_boundary(context: Context, record: EntityRecord) -> None:
    if record.boundary_arn is not None:
        context.setdefault("iam:permissionsboundary", record.boundary_arn)
