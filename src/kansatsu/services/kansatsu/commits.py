"""Changes of policies made on evidence, and taken back: a replay decides first, and what was before is kept.

A commit is nothing but operations of IAM in one transaction, each authorized and recorded as the operation it is.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from kansatsu.advisor import fitting
from kansatsu.advisor.altered import SUGGESTED, Change
from kansatsu.errors import AwsError, InvalidParameterCombination, LimitExceeded, UnmodifiableEntity
from kansatsu.identity import EntityRecord, attachments, aws_managed, commits, entities, inline, managed
from kansatsu.identity.commits import Commit
from kansatsu.services import steps as forwarded
from kansatsu.services.iam import _resources
from kansatsu.services.iam.simulate import record_of
from kansatsu.services.kansatsu import notes, trusting
from kansatsu.services.kansatsu.changes import LISTED, Asked, Proposed, Shown, kept, proposed, replayed, subject_arn
from kansatsu.services.registry import Call, Params, Step, operation
from kansatsu.services.steps import Asked as Wanted

# What hangs on the subject: {"version": default} of a managed policy, else {"inline": {name: text}, "attached": [ARN]};
# and "id", the unique id of the subject, which those of former versions lack.
State = dict[str, Any]
_CONFLICT = 409
NOTHING = "NothingToChange"


def _steps_of(call: Call, params: Params) -> Iterable[Step]:
    """INVARIANT: a commit is no way around IAM: it needs the permissions for every step besides its own."""
    with call.store.read() as conn:
        now = call.state = _state(conn, call, params["Arn"])
        change = _change_of(call, params)
        if change is None:  # which is asked for wrongly: the operation itself will say how
            return []
        return list(forwarded.authorized(call, "iam", steps(call, params["Arn"], now, _with(now, change))))


@operation("kansatsu", "ReplayPolicyChange", resource=subject_arn)
async def replay_policy_change(
    call: Call,
    arn: str,
    document: str | None = None,
    policy_name: str | None = None,
    detach_policy_arn: str | None = None,
    delete_policy_name: str | None = None,
    suggested: bool = False,
    since: datetime | None = None,
    max_requests: int = LISTED,
    new_policy: bool = False,
    trust_document: str | None = None,
) -> Shown:
    """What a change would have refused of the requests on record, and of which steps it is made."""
    if trust_document is not None:
        if document or policy_name or detach_policy_arn or delete_policy_name or suggested or new_policy:
            raise InvalidParameterCombination("TrustDocument goes with no other change.")
        return await asyncio.to_thread(trusting.replayed, call, arn, trust_document, since, max_requests)
    asked = Asked(arn, document, policy_name, detach_policy_arn, delete_policy_name, suggested, since, new_policy)
    return await asyncio.to_thread(_foreseen, call, asked, max_requests)


@operation("kansatsu", "CommitPolicyChange", resource=subject_arn, steps=_steps_of)
async def commit_policy_change(
    call: Call,
    arn: str,
    document: str | None = None,
    policy_name: str | None = None,
    detach_policy_arn: str | None = None,
    delete_policy_name: str | None = None,
    suggested: bool = False,
    since: datetime | None = None,
    max_requests: int = 100,
    accept_refused: bool = False,
    accept_gap: bool = False,
    new_policy: bool = False,
) -> Shown:
    """Replay a change, and make it if nothing speaks against it, or what does is accepted."""
    asked = Asked(arn, document, policy_name, detach_policy_arn, delete_policy_name, suggested, since, new_policy)
    before = call.state  # INVARIANT: the steps that were authorized are those from this state
    made, answer = await asyncio.to_thread(_replay, call, asked, max_requests)
    if made.subject.record is not None and (whose := notes.managed_elsewhere(made.subject.record)):
        raise UnmodifiableEntity(whose)
    if _says_the_same(call, made, before):
        raise AwsError(f"{made.subject.arn} has it like that: nothing would change.", code=NOTHING, status=_CONFLICT)
    _check_size(made)
    _check(answer, accept_refused=accept_refused, accept_gap=accept_gap)
    done, run = await call.store.transact(_commit, call, made, before, answer)
    call.made.extend(run)
    return {"CommitId": done.id, "Steps": json.loads(done.steps)} | answer


@operation("kansatsu", "ListPolicyCommits")
def list_policy_commits(call: Call, arn: str | None = None) -> Shown:
    """The newest commits of the account."""
    return {"Commits": [_shown(one) for one in commits.listing(call.conn, call.account, arn)]}


def _commit_arn(call: Call, params: Params) -> str:
    return commits.get(call.conn, call.account, params["CommitId"]).arn


def _steps_back(call: Call, params: Params) -> Iterable[Step]:
    made = commits.get(call.conn, call.account, params["CommitId"])
    return list(forwarded.authorized(call, "iam", _back(call, made)))


@operation("kansatsu", "RollbackPolicyChange", resource=_commit_arn, steps=_steps_back, write=True)
def rollback_policy_change(call: Call, commit_id: str) -> Shown:
    """Return to what was before a commit, if nobody has changed it since."""
    made = commits.get(call.conn, call.account, commit_id)
    commits.rolled_back(call.conn, made, call.now.timestamp())
    now, after = _state(call.conn, call, made.arn), json.loads(made.after)
    # INVARIANT: what was made again under the same name is not given what the former one had.
    if now != {"id": now["id"], **after}:
        raise AwsError(
            f"What hangs on {made.arn} was changed after the commit: rolling back would undo that, too.",
            code="PolicyChangedMeanwhile",
            status=_CONFLICT,
        )
    back = _back(call, made)
    call.made.extend(forwarded.run(call, "iam", back))
    return {"CommitId": made.id, "Arn": made.arn, "Steps": list(map(_worded, back))}


def _back(call: Call, made: Commit) -> list[Wanted]:
    return steps(call, made.arn, json.loads(made.after), json.loads(made.before))


# ---- making it ------------------------------------------------------------------------------------------------------


def _replay(call: Call, asked: Asked, listed: int) -> tuple[Proposed, Shown]:
    made = proposed(call, asked)
    return made, replayed(call, made, listed)


def _foreseen(call: Call, asked: Asked, listed: int) -> Shown:
    made, answer = _replay(call, asked, listed)
    arn = made.subject.arn
    if arn.startswith(aws_managed.PREFIX):  # which nobody changes
        return answer | {"Steps": []}
    with call.store.read() as conn:
        now = _state(conn, call, arn)
    return answer | {"Steps": list(map(_worded, steps(call, arn, now, _with(now, made.change))))}


def _says_the_same(call: Call, made: Proposed, before: State) -> bool:
    """Is there nothing to do: no step, or documents that say what those in force say, however they are written?"""
    document, policies = made.change.document, made.subject.policies
    if document is not None and (made.lines or made.subject.record is None):  # in the place of all of them
        return _said(document) == [statement for one in policies for statement in _said(one.document.text)]
    if document is not None and made.change.name:
        return _said(document) == _said(before["inline"].get(made.change.name, "{}"))
    return not steps(call, made.subject.arn, before, _with(before, made.change))


def _said(text: str) -> list[Any]:
    """The statements of a document; the order within lists says nothing."""
    found = json.loads(text).get("Statement", [])
    statements = found if isinstance(found, list) else [found]
    return [{key: _plain(value) for key, value in statement.items()} for statement in statements]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return sorted(value, key=json.dumps) if isinstance(value, list) else [value]


def _check_size(made: Proposed) -> None:
    """Raise where a suggestion is more than one policy may be: a commit makes one."""
    if made.lines and made.change.document is not None:
        size, quota = fitting.size(made.change.document), fitting.quota_of(made.subject.arn)
        if size > quota.size:
            raise LimitExceeded(
                f"The suggested policy has {size} {quota.unit}, and AWS takes {quota.size} here: "
                f"`kansatsu policy suggest {made.subject.arn} -o cli` gives it as several managed policies."
            )


def _check(answer: Shown, *, accept_refused: bool, accept_gap: bool) -> None:
    """Raise what speaks against a change.

    INVARIANT: silence where evidence is missing is never taken for "nobody needs it", unless somebody says so.
    """
    if answer["Refused"] and not accept_refused:
        raise AwsError(
            f"{answer['Refused']} of the requests on record would be refused (see ReplayPolicyChange); "
            "AcceptRefused makes the change all the same.",
            code="RequestsWouldBeRefused",
            status=_CONFLICT,
        )
    missing = [_named(gap) for gap in answer["Gaps"]]
    missing += [f"{item['Count']} requests cannot be told: {item['Reason']}" for item in answer["Unknown"]]
    if not answer["Requests"]:
        missing.append("there is no request on record that it concerns")
    if missing and not accept_gap:
        raise AwsError(
            f"The evidence has gaps: {'; '.join(missing)}. AcceptGap makes the change all the same.",
            code="EvidenceIncomplete",
            status=_CONFLICT,
        )


def _named(gap: Shown) -> str:
    where = f" in {gap['Segment']}" if gap["Segment"] else ""
    return f"{gap['Why']}{where} ({gap['After']:%Y-%m-%d %H:%M:%S} to {gap['Until']:%Y-%m-%d %H:%M:%S})"


def _commit(
    conn: Connection, call: Call, made: Proposed, before: State, answer: Shown
) -> tuple[Commit, Sequence[Step]]:
    call.enter(lambda: conn)
    arn = made.subject.arn
    now = _state(conn, call, arn)
    # INVARIANT: what is changed is what was replayed.
    if now != before:
        raise AwsError(
            f"What hangs on {arn} was changed during the replay.", code="PolicyChangedMeanwhile", status=_CONFLICT
        )
    forward = steps(call, arn, now, _with(now, made.change))
    done = forwarded.run(call, "iam", forward)
    keeping = commits.keep(
        conn,
        call.account,
        arn,
        time=call.now.timestamp(),
        by=call.caller.arn,
        before=json.dumps(now),
        after=json.dumps(_state(conn, call, arn)),
        steps=json.dumps(list(map(_worded, forward))),
        evidence=kept(answer),
    )
    return keeping, done


# ---- states and the steps between them -------------------------------------------------------------------------------


def _state(conn: Connection, call: Call, arn: str) -> State:
    if _resources.is_policy(arn):
        policy = managed.own(conn, call.account, arn)
        return {"id": policy.id, "version": f"v{policy.default_version}"}
    owner = entities.by_id(conn, record_of(call, arn).id)
    if owner is None:
        raise AwsError(f"{arn} is gone.", code="NoSuchEntity", status=404)
    return {"id": owner.id, "inline": inline.documents(conn, owner), "attached": sorted(attachments.arns(conn, owner))}


def _with(now: State, change: Change) -> State:
    """The state that a change wants."""
    if "version" in now:
        return {"document": change.document}
    if change.policy_arn:
        return {**now, "attached": [arn for arn in now["attached"] if arn != change.policy_arn]}
    if not change.name:
        return {"inline": {SUGGESTED: change.document} if change.document is not None else {}, "attached": []}
    others = {name: text for name, text in now["inline"].items() if name != change.name}
    return {**now, "inline": others | ({change.name: change.document} if change.document is not None else {})}


def steps(call: Call, arn: str, now: State, wanted: State) -> list[Wanted]:
    """The operations of IAM from one state to another: what grants comes first, what takes away last."""
    if "document" in wanted:
        made = {"PolicyArn": arn, "PolicyDocument": wanted["document"], "SetAsDefault": True}
        return [("CreatePolicyVersion", made)]
    if "version" in wanted:
        return [("SetDefaultPolicyVersion", {"PolicyArn": arn, "VersionId": wanted["version"]})]
    record = record_of(call, arn)
    return list(_of_holder(record, now, wanted))


def _of_holder(record: EntityRecord, now: State, wanted: State) -> Iterator[Wanted]:
    kind = record.kind.capitalize()
    who = {f"{kind}Name": record.name}
    had, has = set(now["attached"]), set(wanted["attached"])
    texts: Mapping[str, str] = wanted["inline"]
    for arn in sorted(has - had):
        yield f"Attach{kind}Policy", {**who, "PolicyArn": arn}
    for name, text in sorted(texts.items()):
        if now["inline"].get(name) != text:
            yield f"Put{kind}Policy", {**who, "PolicyName": name, "PolicyDocument": text}
    for arn in sorted(had - has):
        yield f"Detach{kind}Policy", {**who, "PolicyArn": arn}
    for name in sorted(now["inline"].keys() - texts.keys()):
        yield f"Delete{kind}Policy", {**who, "PolicyName": name}


def _change_of(call: Call, params: Params) -> Change | None:
    """The change as far as its steps follow from the request: a suggestion is one step, whatever it says."""
    arn = params["Arn"]
    anything = '{"Version": "2012-10-17", "Statement": []}'
    if _resources.is_policy(arn):
        return Change(policy_arn=arn, document=params.get("Document") or anything)
    holder = record_of(call, arn).id
    if params.get("Suggested"):
        return Change(holder=holder, document=anything)
    if params.get("DetachPolicyArn"):
        return Change(policy_arn=params["DetachPolicyArn"], holder=holder)
    name = params.get("PolicyName") or params.get("DeletePolicyName")
    return Change(holder=holder, name=name, document=params.get("Document")) if name else None


def _worded(step: Wanted) -> str:
    name, params = step
    return f"iam:{name} " + " ".join(
        f"{key}={value}" for key, value in params.items() if key not in ("PolicyDocument", "SetAsDefault")
    )


def _shown(one: Commit) -> Shown:
    shown: Shown = {
        "CommitId": one.id,
        "Arn": one.arn,
        "Time": datetime.fromtimestamp(one.time, UTC),
        "By": one.by,
        "Steps": json.loads(one.steps),
        "Evidence": one.evidence,
    }
    if one.rolled_back is not None:
        shown["RolledBack"] = datetime.fromtimestamp(one.rolled_back, UTC)
    return shown
