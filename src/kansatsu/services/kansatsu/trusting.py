"""Who would lose a role with another trust policy: those who assumed it on record, and workloads that have it now."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import msgspec

from kansatsu.advisor import history
from kansatsu.advisor.altered import Change
from kansatsu.advisor.calls import SIGN_IN, CallRecord
from kansatsu.advisor.replay import Held
from kansatsu.errors import InvalidParameterCombination
from kansatsu.identity import EntityRecord
from kansatsu.policy import Policy, PolicyType, Source, compile_policy, parse
from kansatsu.services.iam.simulate import record_of
from kansatsu.services.kansatsu.changes import Proposed, Shown, Subject, again, answered
from kansatsu.services.registry import Call
from kansatsu.workload.credentials import Grant, trust_refusal

_GIVES = "{} gives its credentials"


def replayed(call: Call, arn: str, document: str, since: datetime | None, listed: int) -> Shown:
    """The answer of a replay of a role's new trust policy. Raises MalformedPolicyDocument."""
    role = record_of(call, arn)
    if role.kind != "role":
        raise InvalidParameterCombination("Only a role has a trust policy.")
    trust = compile_policy(parse(document, PolicyType.TRUST), Source(PolicyType.TRUST, owner=role.arn))
    begin = since.timestamp() if since is not None else 0.0
    found = history.everything(call.recorder.evidence(), begin, call.now.timestamp(), lambda one: _assumes(one, role))
    people = {one.principal_id: _shown(call, one).arn for one in found.calls}
    made = Proposed(Subject(role.arn, role, (), people), Change(holder=role.id, document=document), found, begin)
    replay, before = again(call, found)
    ones = replay.all(found.calls, before, _with(before, trust))
    answer = answered(call, made, (replace(one, record=_shown(call, one.record)) for one in ones), listed)
    for grant, refusal in _workloads(call, role, trust):
        answer["Requests"] += 1
        answer["PrincipalArns"].append(grant.session_name)
        answer["Refused" if refusal else "Allowed"] += 1
        if refusal and len(answer["RefusedRequests"]) < listed:
            answer["RefusedRequests"].append(_lost(call, role, grant, refusal))
    return answer


def _assumes(record: CallRecord, role: EntityRecord) -> bool:
    # What a service was given for a workload is told of the workload.
    return (
        record.service != SIGN_IN
        and record.kind != "service"
        and any(item.resource == role.arn and item.action.lower().startswith("sts:assumerole") for item in record.asked)
    )


def _with(before: Held, trust: Policy) -> Held:
    return lambda record: replace(before(record), trust=trust)


def _shown(call: Call, record: CallRecord) -> CallRecord:
    """INVARIANT: of a caller of another account only its account is told, as in the role owner's own trail.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """
    if record.account == call.account:
        return record
    return msgspec.structs.replace(record, arn=record.account, source_ip="")


def _workloads(call: Call, role: EntityRecord, trust: Policy) -> Iterator[tuple[Grant, str]]:
    """Those that this server gave credentials of the role to, and why each would get no more ("": it would)."""
    changed = replace(role, trust=trust)
    for grant, _ in call.workload.issuer.given(role.id):
        if not trust_refusal(role, grant, call.now, call.snapshot):
            yield grant, trust_refusal(changed, grant, call.now, call.snapshot)


def _lost(call: Call, role: EntityRecord, grant: Grant, refusal: str) -> Shown:
    return {
        "RequestId": "",
        "Time": call.now,
        "PrincipalArn": grant.session_name,
        "Operation": _GIVES.format(grant.service),
        "Action": "sts:AssumeRole",
        "Resource": role.arn,
        "SourceIp": "",
        "Reason": refusal,
        "Count": 1,
    }
