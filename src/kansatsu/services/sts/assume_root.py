"""AssumeRoot: who manages an organization does one privileged task as the root user of a member.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from kansatsu import arn
from kansatsu.catalog import Authorization
from kansatsu.errors import AccessDenied, ValidationError
from kansatsu.identity import roots, sessions
from kansatsu.identity.organizations import delegation, tree
from kansatsu.policy import Request, evaluate
from kansatsu.services import callers
from kansatsu.services.iam.root_access import CREDENTIALS, SERVICE, SESSIONS
from kansatsu.services.registry import Call, Params, Refused, operation
from kansatsu.services.sts import _sessions as common

LONGEST = 900  # seconds, and the default
_TASKS = f"arn:{arn.PARTITION}:iam::aws:policy/root-task/"
# Each task, and the feature of the organization that it is a part of.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-enable-root-access.html
TASKS = {
    "IAMAuditRootUserCredentials": CREDENTIALS,
    "IAMCreateRootUserPassword": CREDENTIALS,
    "IAMDeleteRootUserCredentials": CREDENTIALS,
    "S3UnlockBucketPolicy": SESSIONS,
    "SQSUnlockQueuePolicy": SESSIONS,
}
_TARGET = re.compile(rf"(?:arn:{arn.PARTITION}:iam::)?(?P<id>[0-9]{{12}})(?P<root>:root)?", re.ASCII)


def _asked(_call: Call, params: Params) -> Iterable[Authorization]:
    context = {"sts:taskpolicyarn": str(params["TaskPolicyArn"].get("arn", ""))}
    yield Authorization("sts:AssumeRoot", arn.iam(_member(params["TargetPrincipal"]), "root"), context, True)


@operation("sts", "AssumeRoot", resource=_asked, always_allowed=True, write=True)
def assume_root(
    call: Call,
    *,
    target_principal: str,
    task_policy_arn: dict[str, str],
    duration_seconds: int = LONGEST,
    minimum_session_token_size: int = 0,
) -> dict[str, Any]:
    """Not the caller's policies alone decide, but its account's place in the organization as well."""
    common.at_region(call, "AssumeRoot")
    member, task = _member(target_principal), task_policy_arn.get("arn", "")
    name = task.removeprefix(_TASKS)
    if name not in TASKS or not task.startswith(_TASKS):
        raise ValidationError(f"{task} is not the policy of a privileged task.")
    _authorize(call, member, task)
    _admit(call, member, TASKS[name])
    root = roots.ensure(call.conn, member, call.now.timestamp())
    source = call.caller.session.source_identity if call.caller.session is not None else ""
    session, token = sessions.issue(
        call.store,
        account=member,
        principal_id=root.id,
        principal_name=root.name,
        kind=roots.KIND,
        issued=call.now,
        expires=call.now.replace(microsecond=0) + timedelta(seconds=duration_seconds or LONGEST),
        policy_arns=(task,),
        source_identity=source,
        minimum_size=minimum_session_token_size,
    )
    return common.shown(session, token) | ({"SourceIdentity": source} if source else {})


def _member(target: str) -> str:
    """The account that is meant. Raises ValidationError for what is neither an account's id nor a root user's ARN."""
    found = _TARGET.fullmatch(target)
    if found is None or bool(found["root"]) != target.startswith("arn:"):
        raise ValidationError(f"{target} is neither the id of an account nor the ARN of its root user.")
    return found["id"]


def _authorize(call: Call, member: str, task: str) -> None:
    """The caller's own policies must allow it, and the RCPs of the member."""
    caller, snapshot = call.caller, call.snapshot
    # INVARIANT: nobody leaves a learning session for one that learns nothing and has other bounds.
    if caller.learning:
        raise AccessDenied("A learning session becomes no root user.")
    if caller.kind == roots.KIND:
        raise AccessDenied("The root user cannot call AssumeRoot.")
    keys = {
        "sts:taskpolicyarn": task,
        "aws:resourceaccount": member,
        **snapshot.organization_keys("resource", member),
    }
    target = arn.iam(member, roots.KIND)
    request = Request(callers.principal_of(caller, snapshot), "sts:AssumeRoot", target, {**call.context, **keys})
    own = callers.policies_of(caller, snapshot)
    decision = evaluate(request, snapshot.limited(own, call.account, member))
    if not decision.allowed:
        raise Refused(_refusal(call, target), decision)


def _admit(call: Call, member: str, feature: str) -> None:
    """INVARIANT: nobody but the management account and IAM's delegated administrator reaches the root user of a member,
    of their own organization alone, and only while the organization has enabled the feature and lets IAM in.
    """
    org = tree.find(call.conn, call.account)
    found = tree.member(call.conn, org, member) if org is not None else None
    if (
        org is None
        or found is None
        or found.status != tree.ACTIVE
        or member == org.account
        or feature not in org.features
        or not any(item.service == SERVICE for item in delegation.enabled(call.conn, org))
        or not (call.account == org.account or delegation.is_delegated(call.conn, org, call.account, SERVICE))
    ):
        raise AccessDenied(_refusal(call, arn.iam(member, roots.KIND)))


def _refusal(call: Call, target: str) -> str:
    return f"User: {call.caller.arn} is not authorized to perform: sts:AssumeRoot on resource: {target}"
