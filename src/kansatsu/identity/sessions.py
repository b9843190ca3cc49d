"""Sessions: temporary credentials that carry their own proof in a sealed token. Format: docs/decisions/002.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html
"""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import msgspec

from kansatsu.errors import PackedPolicyTooLarge
from kansatsu.identity.ids import access_key_id as new_access_key_id
from kansatsu.identity.ids import secret_key
from kansatsu.identity.sealer import RETIRED_LIFE, Sealer, Unopenable
from kansatsu.identity.sealing import Secret

if TYPE_CHECKING:
    from kansatsu.identity.store import Store

LONGEST_SESSION = RETIRED_LIFE
# Characters of the inline policy and of the managed policies' ARNs together: AWS counts them before it packs them.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length
PLAINTEXT = 2048
PACKED_SPACE = 2048  # bytes for session policies and tags after compression; AWS does not publish its own figure
LONGEST_TOKEN = 8192  # characters; whatever is longer is not ours
KINDS = frozenset({"role", "user", "federated", "root"})
_PURPOSE = "session"


class InvalidToken(Exception):
    """Not a session token of this installation, or not that of this access key."""


class ExpiredToken(Exception):
    """A genuine token whose session is over."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who temporary credentials speak for. Times are aware, in UTC; `policy` is the inline session policy's text."""

    access_key_id: str
    secret: Secret
    account: str
    principal_id: str  # unique id: AROA... of the role, AIDA... of the user; of a root user the account's
    principal_name: str
    kind: str  # role | user | federated | root
    session_name: str
    issued: datetime
    expires: datetime
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tag_keys: tuple[str, ...] = ()
    source_identity: str = ""
    mfa: datetime | None = None  # when multi-factor authentication took place; None: it did not
    chain_depth: int = 0  # 0: assumed with long-term credentials or by a service; 1 and more: role chaining
    source: Mapping[str, str] = field(default_factory=dict)  # {"instance": id, "association": id, "delivery": "2.0"}
    scoped: tuple[str, ...] = ()  # the texts of the policies that scope it down, each within the one before

    @property
    def entity_kind(self) -> str:
        """What `principal_id` must be for the session to be good: a user or a role."""
        return "user" if self.kind == "federated" else self.kind

    @property
    def user_id(self) -> str:
        """aws:userid, the subject of a revocation of this very principal.

        ROLE-ID:SESSION-NAME, the user's id, or ACCOUNT:NAME of a federated user.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
        """
        if self.kind == "federated":
            return f"{self.account}:{self.session_name}"
        return f"{self.principal_id}:{self.session_name}" if self.session_name else self.principal_id


class _Payload(msgspec.Struct, array_like=True, frozen=True):
    """What is inside a token, in the order of format version 1. New fields go to the end, with a default."""

    secret: bytes
    account: str
    principal_id: str
    principal_name: str
    kind: str
    session_name: str
    issued: int  # microseconds since the epoch
    expires: int
    packed: bytes  # the compressed _Packed, b"" for neither policy nor tags
    source_identity: str
    mfa: int | None
    chain_depth: int
    source: dict[str, str]
    padding: bytes = b""  # so that the token is as long as was asked for


class _Packed(msgspec.Struct, array_like=True, frozen=True):
    """What AWS calls the packed part: it alone has a limit in common."""

    policy: str | None
    policy_arns: tuple[str, ...]
    tags: dict[str, str]
    transitive_tag_keys: tuple[str, ...]
    scoped: tuple[str, ...] = ()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Payload).decode
_unpack = msgspec.msgpack.Decoder(_Packed).decode


def issue(
    sealer: "Sealer | Store",
    *,
    account: str,
    principal_id: str,
    principal_name: str,
    kind: str,
    issued: datetime,
    expires: datetime,
    session_name: str = "",
    policy: str | None = None,
    policy_arns: tuple[str, ...] = (),
    tags: Mapping[str, str] | None = None,
    transitive_tag_keys: tuple[str, ...] = (),
    source_identity: str = "",
    mfa: datetime | None = None,
    chain_depth: int = 0,
    source: Mapping[str, str] | None = None,
    scoped: tuple[str, ...] = (),
    minimum_size: int = 0,
) -> tuple[Session, str]:
    """New credentials: the session, and the token that proves it, of `minimum_size` characters or more.

    Raises PackedPolicyTooLarge, also for what an identity provider tells of a user if no token holds it.

    Whether the caller may have them, and the limits of AWS on names, durations and tags, are the caller's to check.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of session: {kind}")
    # INVARIANT: no session of a root user without the policy of its task, which is all that bounds it.
    if kind == "root" and len(policy_arns) != 1:
        raise ValueError("a session of a root user has the policy of one task")
    if not issued < expires <= issued + LONGEST_SESSION:
        raise ValueError("a session lasts longer than nothing and at most 36 hours")
    secret = secret_key()
    session = Session(
        new_access_key_id(account, "ASIA"),
        Secret(secret),
        account,
        principal_id,
        principal_name,
        kind,
        session_name,
        issued.astimezone(UTC),
        expires.astimezone(UTC),
        policy,
        tuple(policy_arns),
        dict(tags or {}),
        tuple(transitive_tag_keys),
        source_identity,
        mfa and mfa.astimezone(UTC),
        chain_depth,
        dict(source or {}),
        tuple(scoped),
    )
    return session, _seal(sealer if isinstance(sealer, Sealer) else sealer.sealer, session, minimum_size)


def narrowed(
    store: "Store", session: Session, *, expires: datetime, policy: str | None, minimum_size: int = 0
) -> tuple[Session, str]:
    """Further credentials of the same session with less: an earlier end, a policy that scopes it down, or both.

    INVARIANT: nothing else of it changes, the time of its issue included, so that what revokes the session revokes
    these credentials. Raises PackedPolicyTooLarge.
    """
    if expires > session.expires:
        raise ValueError("no session outlives the one that it comes of")
    scoped = session.scoped if policy is None else (*session.scoped, policy)
    made = replace(
        session,
        access_key_id=new_access_key_id(session.account, "ASIA"),
        secret=Secret(secret_key()),
        expires=expires.astimezone(UTC),
        scoped=scoped,
    )
    return made, _seal(store.sealer, made, minimum_size)


def check_plaintext(policy: str | None, policy_arns: tuple[str, ...]) -> None:
    """Raises PackedPolicyTooLarge for session policies that are too long, however well they pack.

    INVARIANT: nobody parses a session policy that was not held to this: its session would have it parsed again and
    again. AssumeRole is the one operation whose model has no such bound of its own, and no operation's model counts the
    ARNs; this is the error that all of them have for it.
    """
    share = -(-100 * sum(map(len, (policy or "", *policy_arns))) // PLAINTEXT)
    if share > 100:
        raise PackedPolicyTooLarge(_POLICY_TOO_LARGE.format(share))


def packed_policy_size(session: Session) -> int:
    """PackedPolicySize of AssumeRole's answer: per cent of the allotted space; 0 without policies and tags."""
    return _per_cent(_pack(session))


def open(  # noqa: A001 - read as sessions.open()
    sealer: Sealer, token: str, access_key_id: str, now: datetime
) -> Session:
    """The session of a token presented with `access_key_id`. Raises InvalidToken or ExpiredToken, nothing else.

    Take store.snapshot() first: it is what makes a rotation or loss of sealing keys known to this process.
    INVARIANT: access key id and expiry are checked on every call, on a remembered token as on a new one.
    """
    opened = sealer.opened
    session = cast("Session | None", opened.get(token))
    if session is None:
        session = _open(sealer, token, access_key_id, now)
        opened.put(token, session)
    if session.access_key_id != access_key_id:
        raise InvalidToken
    if now >= session.expires:
        raise ExpiredToken
    return session


def _seal(sealer: Sealer, session: Session, minimum_size: int = 0) -> str:
    packed = _pack(session)
    share = _per_cent(packed)
    if share > 100:
        raise PackedPolicyTooLarge(_too_large(session, share))
    payload = _Payload(
        base64.b64decode(session.secret.value),
        session.account,
        session.principal_id,
        session.principal_name,
        session.kind,
        session.session_name,
        _micro(session.issued),
        _micro(session.expires),
        packed,
        session.source_identity,
        _micro(session.mfa) if session.mfa else None,
        session.chain_depth,
        dict(session.source),
    )
    token = _token(sealer, payload, session)
    if len(token) < minimum_size:
        padding = bytes(-(-(minimum_size - len(token)) * 3 // 4))
        token = _token(sealer, msgspec.structs.replace(payload, padding=padding), session)
    if len(token) > LONGEST_TOKEN:
        raise PackedPolicyTooLarge("Serialized token too large for session")
    return token


def _token(sealer: Sealer, payload: _Payload, session: Session) -> str:
    return base64.b64encode(sealer.seal(_PURPOSE, _encode(payload), session.access_key_id)).decode()


def _open(sealer: Sealer, token: str, access_key_id: str, now: datetime) -> Session:
    """INVARIANT: garbage costs one base64 decoding of at most LONGEST_TOKEN characters and one AES-GCM check.

    What passes the check was sealed by us, so its contents and the size they unpack to are ours too.
    """
    if len(token) > LONGEST_TOKEN:
        raise InvalidToken
    try:
        payload = _decode(sealer.open(_PURPOSE, base64.b64decode(token, validate=True), access_key_id, now))
    except (ValueError, Unopenable):  # msgspec's errors are ValueErrors
        raise InvalidToken from None
    packed = _unpack(zlib.decompress(payload.packed)) if payload.packed else _Packed(None, (), {}, ())
    return Session(
        access_key_id,
        Secret(base64.b64encode(payload.secret).decode()),
        payload.account,
        payload.principal_id,
        payload.principal_name,
        payload.kind,
        payload.session_name,
        _moment(payload.issued),
        _moment(payload.expires),
        packed.policy,
        packed.policy_arns,
        packed.tags,
        packed.transitive_tag_keys,
        payload.source_identity,
        _moment(payload.mfa) if payload.mfa is not None else None,
        payload.chain_depth,
        payload.source,
        packed.scoped,
    )


def _pack(session: Session) -> bytes:
    if session.policy is None and not session.policy_arns and not session.tags and not session.scoped:
        return b""
    tags, scoped = dict(session.tags), session.scoped
    packed = _Packed(session.policy, session.policy_arns, tags, session.transitive_tag_keys, scoped)
    return zlib.compress(_encode(packed), 9)


def _per_cent(packed: bytes) -> int:
    return -(-100 * len(packed) // PACKED_SPACE)


_POLICY_TOO_LARGE = "Packed policy consumes {}% of allotted space, please use smaller policy."


def _too_large(session: Session, share: int) -> str:
    if session.policy is None and not session.policy_arns and not session.scoped:
        return f"Packed size of session tags consumes {share}% of allotted space."
    return _POLICY_TOO_LARGE.format(share)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _micro(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(micro: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micro)
