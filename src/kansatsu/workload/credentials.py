"""Which credentials are due to a workload: profile, role, trust policy, session; renewed before they grow old.

Everything here is in this process and synchronous, so that a renewal is one step that no second request can double,
and a change of profile, role or trust policy shows in the very next answer.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from kansatsu.catalog.linked_roles import PATH
from kansatsu.clock import Clock
from kansatsu.identity import EntityRecord, Snapshot, Store, profiles, sessions
from kansatsu.policy import Policies, PolicySet, PolicyType, Principal, Request, evaluate
from kansatsu.workload.records import Association, Instance
from kansatsu.workload.views import CredentialError, Credentials, CredentialsState

EC2 = "ec2.amazonaws.com"

_MOST_USES = 4096
# INVARIANT: credentials with less than this left are never handed out: botocore would go on signing with dead ones.
LEAST_LEFT = timedelta(minutes=15)
# Of the lifetime: how much earlier than at its half credentials are renewed. The first ones of a fleet that started
# together are spread over nearly all the time until then, so that its renewals are spread evenly ever after.
_JITTER, _FIRST_JITTER = 0.1, 0.45

_PROFILE_GONE = "InstanceProfileNotFound"
_REFUSED = "AssumeRoleUnauthorizedAccess"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a workload is to be: through which role, on whose behalf, under which name."""

    account: str
    role_id: str
    service: str  # the service principal that the role must trust
    session_name: str
    source: Mapping[str, str]  # goes into the session: instance, association, delivery, ...
    trust_context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Issued:
    credentials: Credentials
    grant: Grant
    renew: datetime


@dataclass(frozen=True, slots=True)
class Use:
    """When credentials were used last, and on which service (its IAM prefix, or "")."""

    time: datetime
    service: str


WhenIssued = Callable[[EntityRecord, Grant, Credentials], None]


def _untold(_role: EntityRecord, _grant: Grant, _credentials: Credentials) -> None:
    """Nobody keeps a record."""


class Issuer:
    """Issues sessions of roles to workloads and keeps the newest of each until it is half used up."""

    def __init__(self, store: Store, clock: Clock, duration: timedelta) -> None:
        if duration <= 2 * LEAST_LEFT:
            raise ValueError("sessions of instances must last longer than 30 minutes")
        self._store = store
        self._clock = clock
        self._duration = duration
        self._issued: dict[str, _Issued] = {}
        self._uses: dict[str, Use] = {}
        self.when_issued: WhenIssued = _untold  # the composition root sets it

    def credentials(self, key: str, grant: Grant) -> CredentialsState:
        """The credentials of `grant`, or why there are none. `key` names the place where the newest are kept."""
        now = self._clock.now()
        snapshot = self._store.snapshot()
        role = snapshot.entity(grant.role_id)
        if role is None or role.kind != "role":
            self._issued.pop(key, None)
            return CredentialError(_REFUSED, "The role no longer exists.", "", now)
        # INVARIANT: who may be given a role is asked anew each time; a trust policy that no longer allows ends it.
        if refusal := trust_refusal(role, grant, now, snapshot):
            self._issued.pop(key, None)
            return CredentialError(_REFUSED, refusal, role.name, now)
        kept = self._issued.get(key)
        if kept is None or kept.grant != grant or now >= kept.renew or now < kept.credentials.last_updated:
            again = kept is not None and kept.grant == grant
            kept = self._issued[key] = self._issue(role, grant, now, again=again)
        return kept.credentials

    def given(self, role_id: str) -> list[tuple[Grant, Credentials]]:
        """To whom this process gave the newest credentials of a role, and has not given others since."""
        return [(one.grant, one.credentials) for one in self._issued.values() if one.grant.role_id == role_id]

    def kept(self, key: str) -> Credentials | None:
        """The newest that were issued for `key`."""
        issued = self._issued.get(key)
        return issued.credentials if issued else None

    def used(self, access_key_id: str, service: str, now: datetime) -> None:
        """Credentials of some session were used now. Kept in memory for the newest of each workload."""
        self._uses[access_key_id] = Use(now, service)
        if len(self._uses) > max(_MOST_USES, 2 * len(self._issued)):
            held = {issued.credentials.access_key_id for issued in self._issued.values()}
            self._uses = {key: use for key, use in self._uses.items() if key in held}

    def last_use(self, access_key_id: str) -> Use | None:
        """The last use since this server started."""
        return self._uses.get(access_key_id)

    def drop(self, prefix: str) -> None:
        """Forget what is kept under keys with this prefix: the next question is answered by a new session."""
        for key in [key for key in self._issued if key.startswith(prefix)]:
            del self._issued[key]

    def _issue(self, role: EntityRecord, grant: Grant, now: datetime, *, again: bool) -> _Issued:
        session, token = sessions.issue(
            self._store.sealer,
            account=grant.account,
            principal_id=role.id,
            principal_name=role.name,
            kind="role",
            session_name=grant.session_name,
            issued=now,
            expires=now + self._duration,
            source=dict(grant.source),
        )
        credentials = Credentials(
            role_name=role.name,
            role_arn=role.arn,
            access_key_id=session.access_key_id,
            secret_access_key=session.secret.value,
            token=token,
            last_updated=now,
            expiration=now + self._duration,
        )
        self.when_issued(role, grant, credentials)
        return _Issued(credentials, grant, now + age_at_renewal(self._duration, again=again))


def age_at_renewal(life: timedelta, *, again: bool) -> timedelta:
    """How old credentials are when they are renewed; `again`: they are themselves a renewal."""
    early = random.uniform(0, _JITTER if again else _FIRST_JITTER)  # noqa: S311 - spreads load, guards nothing
    return min(life * (0.5 - early), life - LEAST_LEFT)


def trust_refusal(role: EntityRecord, grant: Grant, now: datetime, snapshot: Snapshot) -> str:
    """Why the role's trust policy, or an RCP, does not let the service assume it; "" when they do.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html
    """
    if role.path.startswith(PATH):
        # INVARIANT: what SCPs and RCPs do not limit never comes into the hands of a workload, whatever it trusts.
        return f"Role {role.name} is service-linked: only its service itself uses it."
    principal = Principal(account="", arn=grant.service, kind="service")
    context: dict[str, str | tuple[str, ...]] = {
        **grant.trust_context,
        "aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:epochtime": str(int(now.timestamp())),
        "aws:principalisawsservice": "true",
        "aws:principalservicename": grant.service,
        "aws:resourceaccount": role.account,
        **snapshot.organization_keys("resource", role.account),
        **snapshot.organization_keys("source", grant.trust_context.get("aws:sourceaccount", "")),
    }
    request = Request(principal, "sts:AssumeRole", role.arn, context, resource_account=role.account)
    decision = evaluate(request, snapshot.limited(Policies(PolicySet(), trust=role.trust), "", role.account))
    if decision.allowed:
        return ""
    why = decision.reason("sts:AssumeRole")
    if decision.type is PolicyType.RCP:
        return f"{grant.service} may not assume role {role.name}, {why}."
    return f"The trust policy of role {role.name} does not allow {grant.service} to assume it, {why}."


def profile_error(profile: profiles.Profile | None, now: datetime) -> CredentialError | None:
    """What is wrong with a profile itself, before any role is asked for."""
    if profile is None:
        return CredentialError(_PROFILE_GONE, "The instance profile no longer exists.", "", now)
    if not profile.role_id:
        return CredentialError("Success", "Instance Profile does not contain a role.", "", now)
    return None


def instance_grant(instance: Instance, association: Association, role_id: str, delivery: str) -> Grant:
    """The grant of an EC2 instance: the session is named after it and carries where it was delivered.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-ec2-instance
    """
    source = {
        "instance": instance.id,
        "region": instance.region,
        "association": association.id,
        "delivery": delivery,
        "vpc": instance.details.vpc_id,
        "private_ip": instance.details.private_ip,
    }
    return Grant(
        account=instance.account,
        role_id=role_id,
        service=EC2,
        session_name=instance.id,
        source={name: value for name, value in source.items() if value},
        trust_context={"aws:sourcearn": instance.arn, "aws:sourceaccount": instance.account},
    )
