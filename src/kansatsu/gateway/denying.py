"""Turns a decision into a denial: its details are kept under an authorization id, and the caller is told that id.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied-authorization-id.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from kansatsu.advisor import Denied, Recorder, freeze
from kansatsu.catalog import Authorization
from kansatsu.errors import AwsError
from kansatsu.gateway import encoded, refusals
from kansatsu.gateway.deliveries import Undelivered
from kansatsu.gateway.observing import Passed
from kansatsu.identity import Store
from kansatsu.policy import Context, Decision
from kansatsu.services.registry import Caller, Refused
from kansatsu.wire import Operation


class Denier:
    """Keeps and words denials. Never on the path of what is allowed."""

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._denials = recorder.denials

    def denied(
        self,
        made: tuple[str, datetime, str],
        caller: Caller,
        operation: Operation,
        context: Context,
        decisions: Sequence[Decision],
        item: Authorization,
    ) -> AwsError:
        """The error for a request (`made`: its id, time and region) of which the first decision is a denial."""
        decisions = [_seen(decision, caller.account) for decision in decisions]
        kept = self._keep(made, caller, operation, context, decisions)
        return refusals.denied(
            caller.arn,
            item,
            decisions[0],
            operation.service,
            kept,
            lambda: encoded.message(self._store.sealer, caller, decisions[0], kept),
        )

    def divided(
        self,
        made: tuple[str, datetime, str],
        caller: Caller,
        operation: Operation,
        context: Context,
        denials: Mapping[int, tuple[Authorization, Decision]],
    ) -> dict[int, AwsError]:
        """The errors of the parts of a request that are denied while the rest goes on: kept together, under one id."""
        denials = {place: (item, _seen(decision, caller.account)) for place, (item, decision) in denials.items()}
        kept = self._keep(made, caller, operation, context, [decision for _, decision in denials.values()])
        return {
            place: refusals.denied(caller.arn, item, decision, operation.service, kept, str)
            for place, (item, decision) in denials.items()
        }

    def passed(
        self,
        made: tuple[str, datetime, str],
        caller: Caller,
        operation: Operation,
        context: Context,
        decisions: Sequence[Decision],
        item: Authorization,
    ) -> Passed:
        """The same where the request goes on: only observed. Nothing is kept before its answer: it may be decided
        again."""
        decisions = [_seen(decision, caller.account) for decision in decisions]
        keep = partial(self._keep, made, caller, operation, context, decisions, passed=True)
        return Passed(item, decisions[0].reason(decisions[0].request.action), keep)

    def refused(
        self,
        made: tuple[str, datetime, str],
        caller: Caller,
        operation: Operation,
        context: Context,
        error: Refused | Undelivered,
    ) -> AwsError:
        """The error of what was decided on the way, with the id of its details."""
        kept = self._keep(made, caller, operation, context, [_seen(error.decision, caller.account)])
        return AwsError(error.message.rstrip(".") + refusals.pointer(kept), code=error.code, status=error.status)

    def _keep(
        self,
        made: tuple[str, datetime, str],
        caller: Caller,
        operation: Operation,
        context: Context,
        decisions: Sequence[Decision],
        *,
        passed: bool = False,
    ) -> str:
        request_id, now, region = made
        name = f"{operation.service.name}:{operation.name}"
        time, account = now.timestamp(), caller.account
        denied = Denied(time, request_id, account, name, region, caller.user_id, context, list(decisions), passed)
        return self._denials.keep(*freeze(denied))


def _seen(decision: Decision, account: str) -> Decision:
    """The decision as somebody of this account may see it.

    INVARIANT: nobody reads a policy of another account's resource in what he was denied, nor learns of an organization
    that he is not in, or of its RCPs.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    request, policies = decision.request, decision.policies
    if policies.guard is not None and request.resource_account not in ("", account):
        policies = replace(policies, resource=None, trust=None)
    theirs = request.context.get("aws:resourceorgid")
    if theirs is not None and theirs != request.context.get("aws:principalorgid"):
        hidden = ("aws:resourceorgid", "aws:resourceorgpaths")
        context = {key: value for key, value in request.context.items() if key not in hidden}
        request, policies = replace(request, context=context), replace(policies, rcps=())
    if request is decision.request and policies is decision.policies:
        return decision
    return Decision(request, policies, decision.allowed, decision.explicit, decision.type)
