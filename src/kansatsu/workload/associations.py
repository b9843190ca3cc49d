"""Instance profiles on instances: associate, replace, disassociate, and what is revoked when they end.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/attach-iam-role.html
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from sqlalchemy import Connection

from kansatsu import identity
from kansatsu.errors import (
    IncorrectInstanceState,
    IncorrectState,
    InvalidAssociationIDNotFound,
    InvalidIamInstanceProfileArnMalformed,
    InvalidParameterCombination,
    InvalidParameterValue,
    MissingParameter,
)
from kansatsu.identity import profiles
from kansatsu.identity.profiles import Profile
from kansatsu.workload import records
from kansatsu.workload.credentials import Issuer
from kansatsu.workload.fleet import Fleet, Member
from kansatsu.workload.records import Association, new_id

RevokeOn = Literal["disassociate", "replace", "never"]

_GONE = "gone"  # the profile was deleted, or its role
_PROFILE_ARN = re.compile(r"arn:aws:iam::(\d{12}):instance-profile/(?:[!-~]+/)?([\w+=,.@-]+)")


def find_profile(conn: Connection, account: str, wanted: Mapping[str, str]) -> Profile:
    """The profile that an IamInstanceProfileSpecification names, by Arn, by Name, or by both where they agree.

    Raises InvalidParameterValue, InvalidIamInstanceProfileArnMalformed, InvalidParameterCombination, MissingParameter.
    """
    given_arn, name = wanted.get("Arn", ""), wanted.get("Name", "")
    if given_arn and name:
        raise InvalidParameterCombination(
            "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'"
        )
    if given_arn:
        return _by_arn(conn, account, given_arn)
    if not name:
        raise MissingParameter(
            "The request must contain the parameter iamInstanceProfile.name or iamInstanceProfile.arn"
        )
    found = profiles.find(conn, account, name)
    if found is None:
        raise InvalidParameterValue(
            f"Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
        )
    return found


def _by_arn(conn: Connection, account: str, given: str) -> Profile:
    match = _PROFILE_ARN.fullmatch(given)
    if match is None:
        raise InvalidIamInstanceProfileArnMalformed(
            f"The ARN '{given}' is not valid. The expected format is arn:aws:iam::<account-id>:instance-profile/<name>"
        )
    # INVARIANT: a profile of another account is as good as none.
    found = profiles.find(conn, account, match[2]) if match[1] == account else None
    if found is None or found.arn != given:
        raise InvalidParameterValue(
            f"Value ({given}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN"
        )
    return found


class Associations:
    """The use cases on the fleet's associations; in memory and in the store in one step each."""

    def __init__(self, fleet: Fleet, issuer: Issuer, revoke_on: RevokeOn) -> None:
        self._fleet = fleet
        self._issuer = issuer
        self._revoke_on = revoke_on
        self._roles: dict[str, str] = {}  # association id -> the role that was in its profile last, or _GONE
        self._revision = -1

    def get(self, account: str, region: str, association_id: str) -> Member:
        """The member that holds an association. Raises InvalidAssociationIDNotFound."""
        member = self._fleet.by_association(association_id)
        if member is None or (member.instance.account, member.instance.region) != (account, region):
            raise InvalidAssociationIDNotFound(f"An invalid association-id of '{association_id}' was given")
        return member

    async def associate(self, member: Member, profile: Profile) -> Association:
        """Put a profile on an instance. Raises IncorrectState (it has one), IncorrectInstanceState (it ended)."""
        async with member.lock:
            if member.association is not None:
                raise IncorrectState(f"There is an existing association for instance {member.instance.id}")
            if member.instance.state not in ("pending", "running", "stopping", "stopped"):
                raise IncorrectInstanceState(
                    f"The instance '{member.instance.id}' is not in the 'running' or 'stopped' state."
                )
            return await self._put(member, None, profile)

    async def replace(self, member: Member, association_id: str, profile: Profile) -> Association:
        """Another profile, under a new association id; sessions of the old one live on unless revoke-on says no."""
        async with member.lock:
            old = self._still(member, association_id)
            return await self._put(member, old, profile)

    async def disassociate(self, member: Member, association_id: str) -> Association:
        """Take the profile off. Returns the association as it was, in state disassociating."""
        async with member.lock:
            return await self._remove(member, self._still(member, association_id))

    async def release(self, member: Member) -> None:
        """The instance has ended: so does its association."""
        async with member.lock:
            if member.association is not None:
                await self._remove(member, member.association)

    def _still(self, member: Member, association_id: str) -> Association:
        held = member.association
        if held is None or held.id != association_id:
            raise InvalidAssociationIDNotFound(f"An invalid association-id of '{association_id}' was given")
        return held

    async def _put(self, member: Member, old: Association | None, profile: Profile) -> Association:
        now = self._fleet.now()
        instance = member.instance
        new = Association(
            new_id("iip-assoc"), instance.account, instance.id, profile.id, profile.arn, "associated", now
        )

        def work(conn: Connection) -> None:
            if old is not None:
                self._end(conn, old, revoke=self._revoke_on == "replace")
            records.save_association(conn, new)

        await self._fleet.write(work)
        self._issuer.drop(f"{instance.id}/")
        member.association = new
        return replace(new, state="associating")

    async def _remove(self, member: Member, old: Association) -> Association:
        now = self._fleet.now()
        # INVARIANT: the endpoint stops handing out before the issued sessions are revoked; none slips in between.
        member.association = None
        self._issuer.drop(f"{member.instance.id}/")
        try:
            await self._fleet.write(lambda conn: self._leave(conn, old))
        except BaseException:
            member.association = old
            raise
        self._roles.pop(old.id, None)
        return replace(old, state="disassociating", changed=now)

    def _leave(self, conn: Connection, old: Association) -> None:
        """No profile any more: sessions of associations that were replaced before end with this one."""
        revoke = self._revoke_on != "never"
        self._end(conn, old, revoke=revoke)
        if revoke:
            before = self._fleet.clock.now() - timedelta(microseconds=1)  # what comes after this moment is not meant
            identity.revoke(conn, old.account, "instance", old.instance_id, before)

    def _end(self, conn: Connection, old: Association, *, revoke: bool) -> None:
        records.delete_association(conn, old.id)
        if revoke:
            # An association id is never used again: everything under it is revoked, this second's sessions included.
            identity.revoke(conn, old.account, "association", old.id, self._fleet.clock.now() + timedelta(seconds=1))

    # ---- deletions elsewhere ---------------------------------------------------------------------------------------

    async def follow_changes(self) -> None:
        """Revoke what was issued through profiles or roles that have been deleted since; asked several times a second.

        A role that was only taken out of its profile keeps its sessions to their expiry, as on AWS.
        """
        revision = await self._read_revision()
        if revision == self._revision:
            return
        for member in self._fleet.live():
            if member.association is not None:
                await self._follow(member.association)
        self._revision = revision

    async def _follow(self, association: Association) -> None:
        store = self._fleet.store
        profile = await store.fetch(profiles.by_id, association.profile_id)
        now = profile.role_id or "" if profile else _GONE
        known = self._roles.get(association.id, "")
        if now == "":
            # Taken out of the profile: the role that was in it stays known, it may be deleted next.
            now = known
        if now not in ("", _GONE) and await store.apart((await store.current()).entity, now) is None:
            now = _GONE
        if now == _GONE and known != _GONE and self._revoke_on != "never":
            moment = self._fleet.clock.now()
            await self._fleet.write(
                lambda conn: identity.revoke(conn, association.account, "association", association.id, moment)
            )
        self._roles[association.id] = now

    async def _read_revision(self) -> int:
        return await self._fleet.store.fetch(identity.changes.latest)
