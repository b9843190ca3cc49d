"""Signing in: a password with a code of the user's MFA device, an access key, or a one-time link.

INVARIANT: who is not let in learns neither by words nor by time whether the account, the user or the password was the
wrong one, and each attempt makes the next one wait longer.
"""

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

from sqlalchemy import Connection

from kansatsu.advisor import CallRecord, Recorder
from kansatsu.advisor.calls import CONSOLE_LOGIN, SIGN_IN
from kansatsu.clock import Clock
from kansatsu.console.backoff import Guesses
from kansatsu.console.guard import is_loopback
from kansatsu.console.parameters import text
from kansatsu.console.visitor import Asked, Refused, Settings, Visitor
from kansatsu.errors import AwsError
from kansatsu.identity import EntityRecord, Store, aliases, console, credentials, devices, passwords
from kansatsu.identity.console import PASSWORD, Proof
from kansatsu.identity.credentials import Credential
from kansatsu.identity.entities import Entity
from kansatsu.identity.sealer import Unopenable

FREE, FREE_OF_NAME, FREE_OF_ADDRESS = 5, 20, 20  # failures without a wait
_TICKET, _TICKET_LIFE = "console-ticket", 300  # seconds
_AT_ONCE, _WAITING = 2, 32  # passwords that are hashed at once, 19 MiB each, and that wait for it
_NOBODY = passwords.digest("nobody's password")  # costs what any other costs
_NO_SECRET = "0" * 40

User = Entity | EntityRecord


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody signed in: the cookie, the word, and who."""

    cookie: str
    word: str


class SignIn:
    """The ways in. Each returns Admitted or raises Refused, or an AwsError of the operation that it asked for."""

    def __init__(self, store: Store, recorder: Recorder, ask: Asked, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._recorder = recorder
        self._ask = ask
        self._clock = clock
        self._settings = settings
        self._guesses = Guesses(FREE, FREE_OF_NAME, FREE_OF_ADDRESS)
        self._hashing = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def by_password(self, given: Mapping[str, Any], visitor: Visitor) -> Admitted:
        """`account` (id or alias), `user`, `password` and, where the user has a device, `code`."""
        account, name, password = text(given, "account"), text(given, "user"), text(given, PASSWORD, 128)
        code = text(given, "code", 16)
        with self._store.read() as conn:
            account = aliases.account_of(conn, account) or account
        key = f"user {account.lower()} {name.lower()}"
        now = self._begin(key, visitor)
        user, profile, hashed, owned = self._profile(account, name)
        matches = await self._matches(hashed, password)
        if not matches or user is None or profile is None:
            self._record(user, visitor, now, mfa=False, failed=True)
            raise _failed()
        mfa = await self._second_factor(user, owned, code, key, visitor, now)
        proof = Proof(PASSWORD, console.digest(hashed))
        self._no_failure(key, visitor)
        if why := self._must_change(user, profile, now):
            raise Refused(why, "The password must be changed.", ticket=self._ticket(user, proof, mfa, now))
        return await self._admit(user, proof, visitor, now, mfa)

    async def by_key(self, given: Mapping[str, Any], visitor: Visitor) -> Admitted:
        """`accessKeyId` and `secretAccessKey` of a user."""
        key_id, secret = text(given, "accessKeyId", 128), text(given, "secretAccessKey")
        key = f"key {key_id}"
        now = self._begin(key, visitor)
        snapshot = self._store.snapshot()
        known = snapshot.access_key(key_id)
        matches = compare_digest((known.secret.value if known else _NO_SECRET).encode(), secret.encode())
        user = snapshot.entity(known.user_id) if known is not None else None
        if not matches or known is None or known.status != "Active" or user is None:
            self._record(user, visitor, now, mfa=False, failed=True)
            raise _failed()
        self._no_failure(key, visitor)
        return await self._admit(user, Proof("key", key_id), visitor, now, None)

    async def by_link(self, given: Mapping[str, Any], visitor: Visitor) -> Admitted:
        """`link`, as CreateConsoleLink gave it. The caller has seen to it that this is a loopback address.

        Nobody waits here: a link cannot be guessed, and so a stranger cannot keep the administrator out.
        """
        link = text(given, "link")
        now = self._clock.now()
        found = await self._store.transact(console.redeem, self._store.sealer, link, now)
        if found is None:
            raise Refused("LinkInvalid", "The link is not valid: it was used, or its minute is over.")
        user, proof = found
        return await self._admit(user, proof, visitor, now, None)

    async def with_new_password(self, given: Mapping[str, Any], visitor: Visitor) -> Admitted:
        """`ticket` of a sign-in that must change the password, `password` and `newPassword`.

        The change is iam:ChangePassword, asked as the user: what policy and password policy say of it holds.
        """
        now = self._clock.now()
        user, stamp, mfa = self._opened(text(given, "ticket", 4096), now)
        keys = console.temporary(self._store.sealer, user, now, timedelta(minutes=15), mfa)
        new = text(given, "newPassword", 128)
        params = {"OldPassword": text(given, PASSWORD, 128), "NewPassword": new}
        with self._store.read() as conn:
            if not Proof(PASSWORD, stamp).holds(conn, self._store.sealer, user):
                raise _failed()
        where = self._settings.region
        await self._ask(
            *(keys, where, "iam", "ChangePassword", params),
            client=visitor.client,
            secure=visitor.secure,
            agent=visitor.agent,
        )
        with self._store.read() as conn:
            profile = credentials.named(conn, user.account, PASSWORD, user.id)
            if profile is None:
                raise _failed()
            hashed = credentials.secret(conn, self._store.sealer, profile).value
        # INVARIANT: nobody is let in by a password that somebody else has set meanwhile.
        if not await self._matches(hashed, new):
            raise _failed()
        return await self._admit(user, Proof(PASSWORD, console.digest(hashed)), visitor, now, mfa)

    # ---- what they are made of --------------------------------------------------------------------------------------

    def _begin(self, key: str, visitor: Visitor) -> datetime:
        """INVARIANT: whoever has to wait is told so before user or password is looked up, be it right or not."""
        now = self._clock.now()
        wait = self._guesses.begin(key, visitor.crowd, is_loopback(visitor.client), now.timestamp())
        if wait > 0:
            raise Refused("TooManyAttempts", f"Too many attempts; wait {wait:.0f} s.", 429, seconds=int(wait) + 1)
        return now

    def _no_failure(self, key: str, visitor: Visitor, *, succeeded: bool = True) -> None:
        self._guesses.take_back(key, visitor.crowd, is_loopback(visitor.client), succeeded=succeeded)

    def _profile(self, account: str, name: str) -> tuple[EntityRecord | None, Credential | None, str, list[Credential]]:
        """The user, its password with the hash, and its devices; of nobody a hash that costs the same to check."""
        sealer = self._store.sealer
        with self._store.read() as conn:
            user = self._store.snapshot().find(account, "user", name)
            profile = credentials.named(conn, account, PASSWORD, user.id) if user is not None else None
            if user is None or profile is None:
                return user, None, _NOBODY, []
            hashed = credentials.secret(conn, sealer, profile).value
            return user, profile, hashed, credentials.owned(conn, user.id, devices.KIND)

    async def _matches(self, hashed: str, password: str) -> bool:
        if self._waiting >= _WAITING:
            raise Refused("TooManyAttempts", "Too many attempts at once; wait a second.", 429, seconds=1)
        self._waiting += 1
        try:
            async with self._hashing:
                return await asyncio.to_thread(passwords.matches, hashed, password)
        finally:
            self._waiting -= 1

    async def _second_factor(
        self, user: User, owned: list[Credential], code: str, key: str, visitor: Visitor, now: datetime
    ) -> datetime | None:
        """When the user proved to have its device: now, None where it has none."""
        if not owned:
            return None
        if not code:
            # Neither a failure nor a success: what failed before still counts.
            self._no_failure(key, visitor, succeeded=False)
            raise Refused("CodeRequired", "A code of the MFA device is needed.")
        if not await self._store.transact(self._proves, user.id, code, now):
            self._record(user, visitor, now, mfa=True, failed=True)
            raise Refused("CodeWrong", "The code is wrong, or was used before.")
        return now

    def _proves(self, conn: Connection, owner: str, code: str, now: datetime) -> bool:
        sealer = self._store.sealer
        owned = credentials.owned(conn, owner, devices.KIND)
        return any(devices.proves(conn, sealer, device, code, now.timestamp()) for device in owned)

    def _must_change(self, user: User, profile: Credential, now: datetime) -> str:
        """The code with which a sign-in is refused that is right, "" where nothing is in its way.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
        """
        with self._store.read() as conn:
            rules = passwords.policy(conn, user.account)
        age = rules.max_password_age if rules is not None else 0
        if age and now.timestamp() >= profile.details["changed"] + age * 86400:
            if rules is not None and rules.hard_expiry:
                raise Refused("PasswordExpired", "The password has expired; an administrator must set a new one.")
            return "PasswordChangeRequired"
        return "PasswordChangeRequired" if profile.details["reset"] else ""

    async def _admit(self, user: User, proof: Proof, visitor: Visitor, now: datetime, mfa: datetime | None) -> Admitted:
        # INVARIANT: nobody is signed in whose sign-in is not on record.
        self._record(user, visitor, now, mfa=mfa is not None, failed=False)
        made = await self._store.transact(self._begin_session, user, proof, now, mfa)
        return Admitted(*made)

    def _begin_session(
        self, conn: Connection, user: User, proof: Proof, now: datetime, mfa: datetime | None
    ) -> tuple[str, str]:
        """INVARIANT: no session is longer than the user's MaxSigninSessionDuration, whatever it signed in with, and
        none begins by what was changed, switched off or deleted since it was looked at.
        """
        if not proof.holds(conn, self._store.sealer, user):
            raise _failed()
        profile = credentials.named(conn, user.account, PASSWORD, user.id)
        longest = profile.details.get(console.LONGEST) if profile is not None else None
        life = min(self._settings.life, timedelta(seconds=longest)) if longest else self._settings.life
        if profile is not None and proof.way == PASSWORD:
            credentials.change(conn, self._store.sealer, profile, details={"used": int(now.timestamp())})
        return console.begin(conn, self._store.sealer, user, proof, now, life, mfa)

    def _ticket(self, user: User, proof: Proof, mfa: datetime | None, now: datetime) -> str:
        said = [user.id, proof.stamp, mfa.timestamp() if mfa else None, now.timestamp() + _TICKET_LIFE]
        return self._store.sealer.seal(_TICKET, json.dumps(said).encode(), "").hex()

    def _opened(self, ticket: str, now: datetime) -> tuple[EntityRecord, str, datetime | None]:
        snapshot = self._store.snapshot()
        try:
            opened = self._store.sealer.open(_TICKET, bytes.fromhex(ticket), "", now)
        except (ValueError, Unopenable):
            raise _failed() from None
        user_id, stamp, mfa, until = json.loads(opened)
        user = snapshot.entity(user_id)
        if user is None or now.timestamp() >= until:
            raise _failed()
        return user, stamp, datetime.fromtimestamp(mfa, now.tzinfo) if mfa is not None else None

    def _record(self, user: User | None, visitor: Visitor, now: datetime, *, mfa: bool, failed: bool) -> None:
        """Of a user that there is; strangers fill nothing."""
        if user is None:
            return
        to = f"{'https' if visitor.says_tls else 'http'}://{visitor.host}/_kansatsu/console/"
        record = CallRecord(
            call=str(uuid.uuid4()),
            time=now.timestamp(),
            account=user.account,
            kind="user",
            principal_id=user.id,
            name=user.name,
            arn=user.arn,
            entity=user.arn,
            access_key_id="",
            service=SIGN_IN,
            operation=CONSOLE_LOGIN,
            region=self._settings.region,
            source_ip=visitor.client,
            user_agent=visitor.agent,
            allowed=not failed,
            context={},
            asked=(),
            message="Failed authentication" if failed else "",
            params={"LoginTo": to, "MobileVersion": "No", "MFAUsed": "Yes" if mfa else "No"},
            result={CONSOLE_LOGIN: "Failure" if failed else "Success"},
        )
        self._recorder.append([], [record])


def _failed() -> AwsError:
    return Refused("SignInFailed", "The sign-in failed.")
