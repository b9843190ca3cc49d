"""Who signed a request: from its signature to a principal that exists, with the condition keys that it brings."""

import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from kansatsu import arn
from kansatsu.gateway import context
from kansatsu.http import HttpRequest
from kansatsu.identity import (
    EntityRecord,
    ExpiredToken,
    InvalidToken,
    Secret,
    Session,
    Snapshot,
    Store,
    sessions,
    token_versions,
)
from kansatsu.policy import Principal
from kansatsu.services.registry import Caller
from kansatsu.signing import AuthFailure, Signature, SigningError, Verified, verify
from kansatsu.workload.processes import Starter

# https://docs.aws.amazon.com/general/latest/gr/rande.html: what a Region's name looks like in the partition aws.
_REGION = re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d+")
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated principal: the caller, how policies see it, its own condition keys; nobody has no entity."""

    caller: Caller
    entity: EntityRecord | None
    principal: Principal
    context: context.Context


class Authenticator:
    """Signatures -> identities, against the current snapshot of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._identities: OrderedDict[str, Identity] = OrderedDict()

    def authenticate(
        self, request: HttpRequest, signature: Signature | None, snapshot: Snapshot, now: datetime
    ) -> tuple[Identity, Verified]:
        """The identity behind a request.

        Raises SigningError for everything that is wrong with key, token, scope or signature.
        """
        if signature is None:
            raise SigningError(AuthFailure.MISSING)
        if not _REGION.fullmatch(signature.region):
            raise SigningError(AuthFailure.WRONG_SCOPE, "Credential should be scoped to a valid region.")
        secret, session = self._credentials(signature, snapshot, now)
        if session is not None and not token_versions.good_in(session, signature.region):
            raise SigningError(AuthFailure.INVALID_TOKEN)
        verified = verify(request, signature, secret.value, now)
        return self._identity(signature.access_key_id, session, snapshot), verified

    def again(self, signature: Signature, snapshot: Snapshot, now: datetime) -> Identity:
        """The identity behind a request that was authenticated and has waited since, as of now.

        INVARIANT: credentials that were taken away while it waited are good for nothing. Raises SigningError.
        """
        _, session = self._credentials(signature, snapshot, now)
        return self._identity(signature.access_key_id, session, snapshot)

    def present(self, starter: Starter, snapshot: Snapshot, now: datetime) -> Identity | None:
        """Who signed with these credentials before, as of now; None when they are good for nothing any more."""
        entity = snapshot.entity(starter.principal_id)
        session = starter.session
        if session is None:
            key = snapshot.access_key(starter.access_key_id)
            usable = key is not None and key.status == "Active" and key.user_id == starter.principal_id
        else:
            same = entity is not None and entity.kind == session.entity_kind
            usable = same and now < session.expires and not snapshot.revoked(session)
        return _build(starter.access_key_id, session, entity) if usable and entity is not None else None

    def knows(self, signature: Signature, snapshot: Snapshot) -> bool:
        """Whether somebody holds this key; asked before a large body is read, and no word on the signature."""
        try:
            self._credentials(signature, snapshot, self._store.clock.now())
        except SigningError:
            return False
        return True

    def _credentials(self, signature: Signature, snapshot: Snapshot, now: datetime) -> tuple[Secret, Session | None]:
        if signature.session_token is not None:
            try:
                session = sessions.open(self._store.sealer, signature.session_token, signature.access_key_id, now)
            except ExpiredToken:
                raise SigningError(AuthFailure.EXPIRED_TOKEN) from None
            except InvalidToken:
                raise SigningError(AuthFailure.INVALID_TOKEN) from None
            # INVARIANT: a revoked session, or one whose role or user is gone, opens nothing; nor does one of another
            # kind than its principal.
            entity = snapshot.entity(session.principal_id)
            if entity is None or entity.kind != session.entity_kind or snapshot.revoked(session):
                raise SigningError(AuthFailure.INVALID_TOKEN)
            if snapshot.closed(entity.account):
                raise SigningError(AuthFailure.INVALID_TOKEN)
            return session.secret, session
        key = snapshot.access_key(signature.access_key_id)
        # INVARIANT: nobody of a closed account is anybody; its sessions neither.
        if key is None or key.status != "Active" or snapshot.closed(key.account):
            raise SigningError(AuthFailure.INVALID_KEY)
        return key.secret, None

    def _identity(self, access_key_id: str, session: Session | None, snapshot: Snapshot) -> Identity:
        if session is not None:
            entity = snapshot.entity(session.principal_id)
        else:
            key = snapshot.access_key(access_key_id)
            entity = snapshot.entity(key.user_id) if key else None
        if entity is None:
            raise SigningError(AuthFailure.INVALID_KEY)
        known = self._identities.get(access_key_id)
        if known is not None and known.entity is entity and known.caller.session == session:
            self._identities.move_to_end(access_key_id)
            return known
        identity = _build(access_key_id, session, entity)
        self._identities[access_key_id] = identity
        if len(self._identities) > _REMEMBERED:
            self._identities.popitem(last=False)
        return identity


def _build(access_key_id: str, session: Session | None, entity: EntityRecord) -> Identity:
    kind, caller_arn = entity.kind, entity.arn
    if session is not None:
        kind = session.kind
        if kind == "role":
            caller_arn = arn.assumed_role(entity.account, entity.name, session.session_name)
        elif kind == "federated":
            caller_arn = arn.federated_user(entity.account, session.session_name)
    caller = Caller(entity.account, kind, entity.id, entity.name, caller_arn, access_key_id, session)
    principal = Principal(
        account=entity.account,
        arn=caller_arn,
        kind=kind,
        role_arn=entity.arn if kind in ("role", "federated") else "",
        id=entity.id,
    )
    return Identity(caller, entity, principal, context.of_principal(caller, entity))
