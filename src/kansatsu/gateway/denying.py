"""Turns a decision into a denial: its details are kept under an authorization id, and the caller is told that id.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied-authorization-id.html
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

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
    ) -> Passed:
        """The same where the request goes on: only observed."""
        kept = self._keep(made, caller, operation, context, decisions, passed=True)
        return Passed(decisions[0].reason(decisions[0].request.action), kept)

    def refused(
        self,
        made: tuple[str, datetime, str],
        caller: Caller,
        operation: Operation,
        context: Context,
        error: Refused | Undelivered,
    ) -> AwsError:
        """The error of what was decided on the way, with the id of its details."""
        kept = self._keep(made, caller, operation, context, [error.decision])
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
