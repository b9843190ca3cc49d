"""Users and services of this host that are instances: each is led to a metadata service of its own by nftables.

Several roles on one host, without a restart of what has them; what nobody registered is not touched.
"""

import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from kansatsu.errors import InvalidParameterValue, UnsupportedOperation
from kansatsu.workload import peers
from kansatsu.workload.associations import Associations
from kansatsu.workload.credentials import Issuer
from kansatsu.workload.fleet import Fleet, Handle, Member
from kansatsu.workload.injection import METADATA
from kansatsu.workload.instance_view import FleetView
from kansatsu.workload.records import DEFAULT_METADATA, TERMINATED, Details, Instance, new_id
from kansatsu.workload.redirects import Redirect, RedirectError, redirect
from kansatsu.workload.views import InstanceView

log = logging.getLogger(__name__)

PROVIDER = "host"
_UID, _CGROUP = "uid:", "cgroup:"
_LONGEST_PAUSE = 60.0
Admit = Callable[[tuple[str, int]], bool]
# Serves an instance on a listener; of those that connect, only whom `Admit` admits by address and port.
ServeHost = Callable[[InstanceView, socket.socket, Admit], Awaitable[Handle]]


@dataclass(slots=True)
class _Held:
    """What is there for a member: the rule, and which control groups it meant when it was made."""

    rule: Redirect
    cgroups: frozenset[int]


class Hosted:
    """Members of this kind; `serve` is None where none can be served."""

    def __init__(self, fleet: Fleet, issuer: Issuer, associations: Associations, serve: ServeHost | None) -> None:
        self._fleet = fleet
        self._issuer = issuer
        self._associations = associations
        self._serve = serve
        self._held: dict[str, _Held] = {}

    async def register(
        self, account: str, region: str, uid: int | None, cgroup: str | None, tags: Mapping[str, str]
    ) -> Member:
        """Registering what is an instance already answers with that instance.

        Raises InvalidParameterValue, UnsupportedOperation.
        """
        if self._serve is None:
            raise UnsupportedOperation("This server serves no users and services of its host.")
        reference = f"{_UID}{_good_uid(uid)}" if cgroup is None else f"{_CGROUP}{_good_cgroup(cgroup)}"
        member = self._find(reference)
        if member is not None:
            if (member.instance.account, member.instance.region) != (account, region):
                raise InvalidParameterValue(f"{_said(reference)} is an instance of another account or region.")
            if tags:
                await self._fleet.put_tags([member.instance.id], tags)
        else:
            self._check_apart(reference)
            member = await self._fleet.add(self._instance(account, region, reference), tags)
        async with member.lock:
            member.retry_at = 0.0
            await self._keep(member)
        if member.handle is None:
            await self.deregister(member)
            raise UnsupportedOperation(member.problem)
        return member

    async def deregister(self, member: Member) -> None:
        """Take the identity away; the processes run on."""
        async with member.lock:
            await self._detach(member)
        await self._associations.release(member)
        async with member.lock:
            reason = "The instance was deregistered; its processes run on."
            await self._fleet.detail(member, reason_code="Client.UserInitiatedShutdown", reason=reason)
            await self._fleet.change(member, state=TERMINATED, ended=self._fleet.now())

    async def refresh(self) -> None:
        """Make the rules that are missing: after a start, of services that were started again, of helpers that died."""
        for member in self._members():
            if not member.lock.locked():
                async with member.lock:
                    await self._keep(member)

    async def close(self) -> None:
        """Take all rules away; the instances stay, for the next start."""
        for member in self._members():
            await self._detach(member)

    # ---- one member ------------------------------------------------------------------------------------------------

    async def _keep(self, member: Member) -> None:
        who = member.instance.reference
        held = self._held.get(member.instance.id)
        if held is not None and held.rule.alive and self._same(held, who):
            return
        await self._detach(member)
        if self._fleet.now() < member.retry_at or self._serve is None:
            return
        try:
            await self._attach(member, who)
            member.problem, member.failures, member.retry_at = "", 0, 0.0
        except (RedirectError, OSError) as error:
            member.failures += 1
            member.retry_at = self._fleet.now() + min(0.25 * 2**member.failures, _LONGEST_PAUSE)
            member.problem = f"{_said(who)} cannot be given a metadata service: {error}"
            log.warning("instance %s: %s", member.instance.id, member.problem)

    async def _attach(self, member: Member, who: str) -> None:
        assert self._serve is not None  # noqa: S101 - the callers have looked
        cgroups = peers.cgroups_below(who.removeprefix(_CGROUP)) if who.startswith(_CGROUP) else frozenset()
        if who.startswith(_CGROUP) and not cgroups:
            raise RedirectError("there is no such control group now")
        table = f"kansatsu_{member.instance.id.replace('-', '_')}"
        wanted: dict[str, int | str] = (
            {"cgroup": who.removeprefix(_CGROUP)} if who.startswith(_CGROUP) else {"uid": int(who.removeprefix(_UID))}
        )
        rule = await redirect(table, wanted)
        try:
            view = FleetView(self._fleet, self._issuer, member)
            member.handle = await self._serve(view, rule.listener, _admission(who))
        except BaseException:
            rule.listener.close()
            await rule.close()
            raise
        self._held[member.instance.id] = _Held(rule, cgroups)
        log.info("instance %s is served to %s", member.instance.id, _said(who))

    async def _detach(self, member: Member) -> None:
        held, handle = self._held.pop(member.instance.id, None), member.handle
        member.handle = None
        if held is not None:
            # INVARIANT: the rule goes first: while it is there, its port is ours.
            await held.rule.close()
        if handle is not None:
            await handle.close()

    def _same(self, held: _Held, who: str) -> bool:
        """Whether the rule still means this service: one that was started again has another control group."""
        if not who.startswith(_CGROUP):
            return True
        now = peers.cgroups_below(who.removeprefix(_CGROUP))
        return not now or not held.cgroups.isdisjoint(now)

    # ---- who may be one --------------------------------------------------------------------------------------------

    def _members(self) -> list[Member]:
        return [member for member in self._fleet.live() if member.instance.provider == PROVIDER]

    def _find(self, reference: str) -> Member | None:
        return next((member for member in self._members() if member.instance.reference == reference), None)

    def _check_apart(self, reference: str) -> None:
        # INVARIANT: one process, one identity: no control group within another one that is an instance.
        for member in self._members():
            other = member.instance.reference
            if {reference[:7], other[:7]} == {_CGROUP} and (
                f"{other}/".startswith(f"{reference}/") or f"{reference}/".startswith(f"{other}/")
            ):
                raise InvalidParameterValue(
                    f"{_said(reference)} and {_said(other)} ({member.instance.id}) are one within the other: a process "
                    "would have two identities."
                )

    def _instance(self, account: str, region: str, reference: str) -> Instance:
        details = Details(
            name=_said(reference),
            image_id="",
            instance_type="host",
            reservation_id=new_id("r"),
            zone=f"{region}a",
            private_ip="127.0.0.1",
            metadata=DEFAULT_METADATA,
        )
        return Instance(
            id=new_id("i"),
            account=account,
            region=region,
            provider=PROVIDER,
            reference=reference,
            adopted=True,
            state="running",
            launched=self._fleet.now(),
            details=details,
        )


def _admission(who: str) -> Admit:
    """Who may use the listener of this identity.

    INVARIANT: the port is on the host's loopback, where everybody can reach it. So the socket at the other end must
    be one that asked for 169.254.169.254, and belong to that very user or service.
    """

    def admit(peer: tuple[str, int]) -> bool:
        found = peers.owner(peer, METADATA)
        if found is None:
            return False
        if who.startswith(_UID):
            return found.uid == int(who.removeprefix(_UID))
        return found.cgroup in peers.cgroups_below(who.removeprefix(_CGROUP))

    return admit


def _good_uid(uid: int | None) -> int:
    if uid is None or not 0 < uid < 0xFFFFFFFF:
        raise InvalidParameterValue(
            "The user must not be root (0): that would be every daemon of this host, and Kansatsu. Give a Cgroup."
        )
    return uid


def _good_cgroup(path: str) -> str:
    path = "/" + path.strip("/")
    if path == "/" or ".." in path.split("/"):
        raise InvalidParameterValue("The root of all control groups would be every process of this host.")
    below = peers.cgroups_below(path)
    if not below:
        advice = "`systemctl show UNIT -P ControlGroup` says a service's."
        raise InvalidParameterValue(f"There is no control group {path} on the host of Kansatsu; {advice}")
    if f"{peers.own_cgroup()}/".startswith(f"{path}/"):
        raise InvalidParameterValue(f"Kansatsu itself runs in the control group {path}.")
    return path


def _said(reference: str) -> str:
    kind, _, what = reference.partition(":")
    return f"user {what}" if kind == "uid" else f"service {what}"
