"""Who made a call, from the userIdentity of a CloudTrail record: an IAM user or role by its unique id, or whoever else.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

import msgspec

from kansatsu.arn import Arn


class Caller(msgspec.Struct, frozen=True, array_like=True, cache_hash=True, gc=False):
    """Who. `kind` is user, role, root, or what has no entity in IAM: another account, a service, an identity of a
    provider, or nobody. `id` is the unique id of a user or role ("" when the record has none), so that an entity that
    was made again under its old name is another one. `via` is the service that made the call in the caller's place.
    """

    kind: str
    id: str
    arn: str
    account: str
    via: str = ""


class Issuer(msgspec.Struct, gc=False):
    """Whose credentials a session came from."""

    type: str | None = None
    principalId: str | None = None
    arn: str | None = None
    accountId: str | None = None


class SessionContext(msgspec.Struct, gc=False):
    """How a session was made."""

    sessionIssuer: Issuer | None = None


class Identity(msgspec.Struct, gc=False):
    """The members of userIdentity that say who it was."""

    type: str | None = None
    principalId: str | None = None
    arn: str | None = None
    accountId: str | None = None
    userName: str | None = None
    invokedBy: str | None = None
    sessionContext: SessionContext | None = None


NOBODY = Caller("nobody", "", "", "")
_decoder = msgspec.json.Decoder(Identity | None)
# type -> our word for it, where what it names is no user or role of IAM.
_OTHERS = {
    "AWSAccount": "account",
    "AWSService": "service",
    "SAMLUser": "saml",
    "WebIdentityUser": "web identity",
    "IdentityCenterUser": "identity center",
    "Directory": "directory",
    "Unknown": "unknown",
}
_ENTITIES = {"IAMUser": "user", "User": "user", "Role": "role", "AssumedRole": "role", "Root": "root"}

# Where the type is left out, the unique id tells it.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_UNTOLD = {"", "Unknown"}
_BY_PREFIX = {"AIDA": "user", "AROA": "role"}


def read(identity: bytes) -> Caller:
    """The caller of a userIdentity as it stands in the record; b"" or null: nobody. Raises msgspec.MsgspecError."""
    if not identity:
        return NOBODY
    found = _decoder.decode(identity)
    return NOBODY if found is None else caller(found)


def caller(found: Identity) -> Caller:
    """The caller. Sessions count for the role, and those of GetFederationToken for the user who asked for them."""
    kind, via = found.type or "", found.invokedBy or ""
    issuer = (found.sessionContext.sessionIssuer if found.sessionContext else None) or Issuer()
    account = found.accountId or issuer.accountId or _account(found.arn)
    if kind in {"AssumedRole", "Role", "FederatedUser"}:
        entity = _ENTITIES.get(issuer.type or "", "role" if kind != "FederatedUser" else "user")
        unique = issuer.principalId or _own_id(found.principalId)
        return _entity(entity, unique, issuer.arn or _role_arn(found.arn or ""), account, via)
    if kind in _ENTITIES or (kind in _UNTOLD and _prefix(found) in _BY_PREFIX):
        entity = _ENTITIES.get(kind) or _BY_PREFIX[_prefix(found)]
        return _entity(entity, found.principalId or "", _role_arn(found.arn or _user_arn(found)), account, via)
    if kind in _OTHERS:
        name = via if kind == "AWSService" else found.principalId or found.arn or ""
        return Caller(_OTHERS[kind], "", name, account, "" if kind == "AWSService" else via)
    if not kind and via:  # some services leave the type out of what they do by themselves
        return Caller("service", "", via, account)
    return Caller("unknown" if kind or found.principalId or found.arn else "nobody", "", found.arn or "", account, via)


def _entity(kind: str, id: str, arn: str, account: str, via: str) -> Caller:
    """INVARIANT: a user or role is known by its unique id, never by its name alone where there is an id."""
    if kind == "root":
        return Caller("root", account, arn, account, via)
    return Caller(kind, id.partition(":")[0], arn, account, via)


def _own_id(principal_id: str | None) -> str:
    """Of AROA...:session the id; of 123456789012:name, as federated users have it, nothing: that is an account."""
    first = (principal_id or "").partition(":")[0]
    return "" if first.isdigit() else first


def _prefix(found: Identity) -> str:
    return (found.principalId or "")[:4]


def _user_arn(found: Identity) -> str:
    """That of a user of whom there is only the name, without the path."""
    return f"arn:aws:iam::{found.accountId}:user/{found.userName}" if found.accountId and found.userName else ""


def _role_arn(arn: str) -> str:
    """The role's ARN from that of its session, without the path that the latter does not tell."""
    parsed = Arn.parse(arn)
    if parsed is None or not parsed.resource.startswith("assumed-role/"):
        return arn
    return str(Arn(parsed.partition, "iam", "", parsed.account, "role/" + parsed.resource.split("/")[1]))


def _account(arn: str | None) -> str:
    parsed = Arn.parse(arn or "")
    return parsed.account if parsed else ""
