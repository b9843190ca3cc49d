"""What the backend will do by itself once a call has passed: its targets are asked when that is set up.

AWS asks a target when something is delivered. A backend does not ask at all, and what it does by itself does not pass
here: so a delivery that its target does not allow is not set up, and a policy that a standing delivery needs is not
taken away while the delivery is there.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any

from kansatsu import arn, catalog
from kansatsu.catalog import Authorization
from kansatsu.catalog.deliveries import SETUPS, Delivery, Target
from kansatsu.errors import AwsError, Unimplemented
from kansatsu.gateway.context import Context, of_principal
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.gateway.occupancy import Occupancy
from kansatsu.gateway.standing import Kept, Standing
from kansatsu.identity import EntityRecord, Snapshot
from kansatsu.policy import Decision, Policies, Policy, PolicySet, Principal
from kansatsu.resources import POLICY_CHANGES, Guard, Place, Resources, log_policies
from kansatsu.resources.kinds import compiled
from kansatsu.services.callers import policies_of
from kansatsu.services.deciding import decide
from kansatsu.services.registry import Caller
from kansatsu.workload.credentials import Grant, trust_refusal

# Calls after which a resource that there was no policy of has none still, or has none any more.
_WITHOUT = frozenset({"lambda.CreateFunction", "sqs.CreateQueue", "sns.CreateTopic"})
_ENDS = frozenset({"lambda.CreateAlias", "s3.DeleteBucketPolicy"})  # and of which there is none in any case
_NOTHING = nullcontext()
_TOKENS = ("NextToken", "nextToken")
_MOST_PAGES = 100


class Undelivered(AwsError):
    """A delivery that is not set up; `decision` is the denial of what would deliver, as whoever it would do it."""

    def __init__(self, message: str, decision: Decision, **more: Any) -> None:
        super().__init__(message, **more)
        self.decision = decision


# Why a delivery may not be, "" when it may, and what was decided on the way there, a denial last.
_Asked = tuple[str, Sequence[Decision]]


class Deliveries:
    """Sets up what targets allow, and keeps it in the store; used from one event loop.

    What somebody sets up beside Kansatsu, at the backend itself, is not known here.
    """

    def __init__(self, resources: Resources, forwarder: Forwarder, kept: Kept) -> None:
        self._resources = resources
        self._forwarder = forwarder
        self._occupancy = Occupancy()
        self._kept = kept

    def around(
        self, exchange: Exchange, guard: Guard, snapshot: Snapshot, account: str
    ) -> AbstractAsyncContextManager[None]:
        """Around an authorized call in an account, from here to the backend's answer.

        Raises the service's error, or Unimplemented, for a delivery that its target does not allow, and Unimplemented
        where the call leaves a target without the policy that a standing delivery needs.
        """
        if exchange.name not in SETUPS and exchange.name not in POLICY_CHANGES:
            return _NOTHING
        return self._around(exchange, guard, snapshot, account)

    @asynccontextmanager
    async def _around(self, exchange: Exchange, guard: Guard, snapshot: Snapshot, account: str) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            source = exchange.authorizations[0].resource
            found = catalog.deliveries(exchange.known, exchange.params, source, exchange.region)
            if found:
                targets = {_holder(one.target.arn) for one in found}
                # INVARIANT: from the look at a target's policy to the backend's answer that policy stays as it is.
                await stack.enter_async_context(self._occupancy.using(targets))
                for delivery in found:
                    await self._check(delivery, exchange, snapshot, account)
                for delivery in found:
                    await self._remember(delivery, exchange, account)
            elif exchange.name not in SETUPS and (place := _changed(exchange, guard, account)) is not None:
                await stack.enter_async_context(self._occupancy.changing(place.arn))
                if exchange.name in log_policies.CALLS:
                    await self.keep(place, await self._of_logs(exchange, place), exchange)
                elif _leaves_none(exchange, guard):
                    await self.keep(place, None, exchange)
            yield

    async def keep(self, place: Place, policy: Policy | None, exchange: Exchange) -> None:
        """Before a resource has this policy: what is delivered to it must be allowed by it too.

        INVARIANT: a policy that takes a standing delivery's permission away is not stored as if it did.
        """
        for standing in self._kept.of(place.account, place.arn):
            delivery = standing.delivery
            refusal, _ = await self._of_policy(delivery, standing.account, place.region, policy, exchange)
            if not refusal:
                continue
            if await self._stands(standing):
                raise Unimplemented(
                    f"{refusal} afterwards, and the backend would go on delivering from {delivery.source} by itself. "
                    "Remove that delivery first."
                )
            await self._kept.discard(place.arn, standing)

    async def _of_logs(self, exchange: Exchange, place: Place) -> Policy | None:
        """The policies of Logs after a call that changes one, as one; raises what Logs does not take."""
        if exchange.name == log_policies.PUT:
            log_policies.check(exchange.params)
        answer = await self._forwarder.ask(place.account, place.region, "logs", "DescribeResourcePolicies", {})
        left = log_policies.after(exchange.name, exchange.params, answer.get("resourcePolicies") or ())
        return compiled(place, log_policies.merged(left))

    async def _remember(self, delivery: Delivery, exchange: Exchange, account: str) -> None:
        operation, members = SETUPS[exchange.name].shows
        if not operation or delivery.target.role or delivery.target.function:
            return
        params = tuple((name, exchange.params[name]) for name in members if name in exchange.params)
        service = exchange.known.service.name
        standing = Standing(delivery, account, exchange.region, service, operation, params)
        await self._kept.add(_holder(delivery.target.arn), standing)

    async def _stands(self, standing: Standing) -> bool:
        """Whether the backend still has it; where it says too much to read, or nothing, it has."""
        params = dict(standing.params)
        where = standing.account, standing.region, standing.service
        for _ in range(_MOST_PAGES):
            try:
                answer = await self._forwarder.ask(*where, standing.operation, params)
            except AwsError as error:
                return error.status >= 500
            if _holds(answer, standing.delivery.target.arn):
                return True
            token = next((name for name in _TOKENS if answer.get(name)), "")
            if not token:
                return False
            params[token] = answer[token]
        return True

    # ---- one delivery ----------------------------------------------------------------------------------------------

    async def _check(self, delivery: Delivery, exchange: Exchange, snapshot: Snapshot, account: str) -> None:
        setup, target = SETUPS[exchange.name], delivery.target
        named = arn.Arn.parse(target.arn)
        if named is None or not delivery.actions:
            raise Unimplemented(
                f"Kansatsu refuses {exchange.name.replace('.', ':')}: it cannot tell what {delivery.services[0]} would "
                f"do with {target.arn or 'what the call leaves as it was'}, and so whether it may."
            )
        # INVARIANT: the embedded backend looks for some targets in the account and Region of what delivers, whatever
        # the ARN says: a namesake there never gets what another's policy allowed.
        local = named.region in ("", exchange.region) or named.service in setup.abroad
        if named.account not in ("", account) or not local:
            raise Unimplemented(
                f"Kansatsu refuses {exchange.name.replace('.', ':')}: the backend does not deliver to other accounts "
                f"and Regions, and {target.arn} is in one."
            )
        if target.role or target.function:
            refusal, decisions = await self._of_role(delivery, exchange, snapshot, account)
        else:
            guard = await self._resources.for_service(target.arn, account, exchange.region)
            service = Principal(account="", arn=delivery.services[0], kind="service")
            policy = guard.policy_for(service, delivery.actions[0])
            refusal, decisions = await self._of_policy(delivery, account, exchange.region, policy, exchange)
        exchange.delivering.extend(decisions)
        if not refusal:
            return
        made: dict[str, Any] = {"code": Unimplemented.code, "status": Unimplemented.status}
        text = (
            f"Kansatsu refuses {exchange.name.replace('.', ':')}: {refusal}. AWS would take the call and deliver "
            "nothing; the backend would deliver without asking. Give the permission first."
        )
        if setup.code:
            made, text = {"code": setup.code, "status": 400}, f"{setup.text}: {refusal}."
        if decisions and not decisions[-1].allowed:
            raise Undelivered(text, decisions[-1], **made)
        raise AwsError(text, **made)

    async def _of_policy(
        self, delivery: Delivery, account: str, region: str, policy: Policy | None, exchange: Exchange
    ) -> _Asked:
        """Whether the policy of the target, and the RCPs of its account, let the service in."""
        snapshot = exchange.state
        policies = snapshot.limited(Policies(PolicySet(), resource=policy), "", account)
        found: list[Decision] = []
        for action in delivery.actions:
            item = Authorization(action, _resource(delivery.target.arn))
            item = await self._resources.conditions.completed(item, account, region, [policies])
            decisions = []
            for service in delivery.services:
                principal = Principal(account="", arn=service, kind="service")
                context = _of_service(delivery, account, exchange.now)
                context |= {"aws:principalservicename": service, **snapshot.organization_keys("source", account)}
                decisions.append(decide(principal, item, Guard(account), context, policies, snapshot))
            found.append(_deciding(decisions))
            if not found[-1].allowed:
                return f"{delivery.services[0]} {_may_not(found[-1], delivery.target)}", found
        return "", found

    async def _of_role(self, delivery: Delivery, exchange: Exchange, snapshot: Snapshot, account: str) -> _Asked:
        """Whether the service may do it with its role."""
        target, now = delivery.target, exchange.now
        wanted = target.role or await self._role_of(target, exchange, account)
        role = snapshot.find(account, "role", wanted.rpartition("/")[2])
        if role is None or role.arn != wanted:
            return f"there is no role {wanted or 'of the function ' + target.function}", ()
        trust = {"aws:sourcearn": delivery.source, "aws:sourceaccount": account}
        grant = Grant(account, role.id, delivery.services[0], "delivery", {}, trust)
        if refusal := trust_refusal(role, grant, now, snapshot):
            return refusal.rstrip("."), ()
        found: list[Decision] = []
        for action in delivery.actions:
            found.append(await self._as_role(action, target, role, exchange, snapshot))
            if not found[-1].allowed:
                return f"role {role.name} {_may_not(found[-1], target)}", found
        return "", found

    async def _as_role(
        self, action: str, target: Target, role: EntityRecord, exchange: Exchange, snapshot: Snapshot
    ) -> Decision:
        account = role.account
        session = arn.assumed_role(account, role.name, "delivery")
        caller = Caller(account, "role", role.id, role.name, session, "")
        item = Authorization(action, target.arn)
        (guard,) = await self._resources.guards([item], account, exchange.region)
        own = policies_of(caller, snapshot)
        principal = Principal(account, session, "role", role.arn, f"{role.id}:delivery")
        policy = guard.policy_for(principal, action)
        policies = snapshot.limited(replace(own, resource=policy), account, guard.account)
        item = await self._resources.conditions.completed(item, guard.account, exchange.region, [policies])
        context = of_principal(caller, role) | _at(exchange.now) | snapshot.organization_keys("principal", account)
        return decide(principal, item, guard, context, own, snapshot)

    async def _role_of(self, target: Target, exchange: Exchange, account: str) -> str:
        """The ARN of the role that a function runs with, "" where there is no such function."""
        given = {"FunctionName": target.function}
        try:
            found = await self._forwarder.ask(account, exchange.region, "lambda", "GetFunctionConfiguration", given)
        except AwsError:
            return ""
        return str(found.get("Role") or "")


def _deciding(decisions: Sequence[Decision]) -> Decision:
    """Of what was decided of one service under several names: a Deny of one counts, else an Allow of one."""
    return next((one for one in decisions if one.explicit), None) or max(decisions, key=lambda one: one.allowed)


def _may_not(decision: Decision, target: Target) -> str:
    action = decision.request.action
    return f"may not do {action} on {target.arn}, {decision.reason(action)}"


def _at(now: datetime) -> Context:
    return {
        "aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:epochtime": str(int(now.timestamp())),
        "aws:securetransport": "true",
    }


def _of_service(delivery: Delivery, account: str, now: datetime) -> Context:
    """The keys of a request that a service makes for one of its resources.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourcearn
    """
    context: Context = {
        **_at(now),
        "aws:principalisawsservice": "true",
        "aws:principalservicenameslist": delivery.services,
        "aws:sourceaccount": account,
        "aws:sourcearn": delivery.source,
        "aws:viaawsservice": "false",
    }
    if delivery.actions[0] == "s3:PutObject":
        # Services give what they write to the bucket's owner, and policies ask for it:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3ExportTasks.html
        context["s3:x-amz-acl"] = "bucket-owner-full-control"
    return context


def _holder(target: str) -> str:
    """The ARN of what holds the policy of a target: of an object it is the bucket, of a log group the account."""
    if target.startswith(f"arn:{arn.PARTITION}:s3:::"):
        return target.partition("/")[0]
    named = arn.Arn.parse(target)
    return (log_policies.holder(named) if named is not None and named.service == "logs" else None) or target


def _resource(target: str) -> str:
    """What a service acts on, as policies name it: streams of a log group.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """
    return f"{target.removesuffix(':*')}:log-stream:" if ":log-group:" in target else target


def _changed(exchange: Exchange, guard: Guard, account: str) -> Place | None:
    """What holds the policy that a call changes."""
    if exchange.name in log_policies.CALLS:
        return Place(account, log_policies.whole(account, exchange.region), exchange.region)
    if guard.place is not None and exchange.name == "lambda.CreateAlias":
        return guard.place._replace(arn=f"{guard.place.arn}:{exchange.params['Name']}")
    return guard.place


def _leaves_none(exchange: Exchange, guard: Guard) -> bool:
    """Whether the resource has no policy after the call."""
    params = exchange.params
    if exchange.name == "sqs.SetQueueAttributes":
        return (params.get("Attributes") or {}).get("Policy") == ""
    if exchange.name == "sns.SetTopicAttributes":
        return params.get("AttributeName") == "Policy" and not params.get("AttributeValue")
    return exchange.name in _ENDS or (exchange.name in _WITHOUT and guard.policy is None)


def _holds(value: Any, text: str) -> bool:
    """Whether a text is anywhere in an answer."""
    if isinstance(value, Mapping):
        return any(_holds(inner, text) for inner in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return any(_holds(inner, text) for inner in value)
    return isinstance(value, str) and text in value
