"""Who from outside of the account may use a resource of it, as far as the policy of the resource says.

What the policies of another account say is that account's own affair: it is a condition here.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from kansatsu.arn import Arn
from kansatsu.identity.principals import UNIQUE_ID
from kansatsu.policy import (
    Policies,
    Policy,
    PolicySet,
    PolicyType,
    Principal,
    Source,
    Statement,
    compile_policy,
    parse,
)
from kansatsu.services.deciding import NOBODY, OF_NOBODY, OPEN, Context
from kansatsu.services.iam import simulated
from kansatsu.services.iam.scenarios import together
from kansatsu.services.kansatsu.asking import Question, as_caller
from kansatsu.services.kansatsu.conditional import Grant, grants
from kansatsu.services.registry import Call

ANYBODY = "*"  # of any account
_NO_ACCOUNT = "000000000000"  # in none of the installation's: stands for everybody's
_ACCOUNT = re.compile(r"(?:arn:[^:]+:iam::)?([0-9]{12})(?::root)?", re.ASCII)
_ANYTHING = compile_policy(
    parse('{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'),
    Source(PolicyType.IDENTITY, name="unknown"),
)


@dataclass(frozen=True, slots=True)
class Outsider:
    """Who is shown as `name`, as policies see it."""

    name: str
    principal: Principal
    context: Context


def outside(call: Call, question: Question) -> Iterator[tuple[str, Grant]]:
    """Everybody whom the policy of the resource, or the trust policy of the role, lets in, and how."""
    guard = question.role.trust if question.role is not None else question.guard.policy
    for who in _named(call, question, guard) if guard is not None else ():
        account = who.principal.account
        own = Policies(PolicySet([_ANYTHING] if account else ()))
        whose = f"account {account}" if account != _NO_ACCOUNT else "the caller's account"
        for grant in grants(*question.asked(call, who.principal, who.context, own), outside=True):
            more = (f"if the policies of {whose} allow it",) if account else ()
            yield who.name, replace(grant, conditions=(*grant.conditions, *more))


def _named(call: Call, question: Question, guard: Policy) -> Iterator[Outsider]:
    """Whom the statements that allow name, each once; who is of the account itself is asked about by himself."""
    allows = [each for each in guard.document.statements if each.effect == "Allow"]
    values = dict.fromkeys(pair for each in allows for pair in _entries(each))
    for kind, value in values:
        if kind == "*" and question.item.action.partition(":")[0] in OPEN:
            yield Outsider("anonymous", NOBODY, OF_NOBODY)
        who = _MEANT[kind](call, value) if kind in _MEANT else None
        if who is not None and who.principal.account != call.account:
            yield who


def _entries(statement: Statement) -> Iterator[tuple[str, str]]:
    for kind, value in statement.principals:
        yield ("*", "*") if value == "*" or statement.not_principal else (kind, value)


def _person(call: Call, value: str) -> Outsider | None:
    """An account, a user, a role or a session; None for who is not there any more."""
    if UNIQUE_ID.fullmatch(value):
        record = call.snapshot.entity(value)
        return Outsider(record.arn, *as_caller(call, record)) if record is not None else None
    if account := _ACCOUNT.fullmatch(value):
        known: Context = {"aws:principalaccount": account[1], **_place(call, account[1])}
        return Outsider(f"arn:aws:iam::{account[1]}:root", Principal(account[1], value, "user"), known)
    parsed = Arn.parse(value)
    if parsed is None:
        return None
    if parsed.service == "iam":
        principal = simulated.principal_of(value, None)
        return Outsider(value, principal, simulated.context_of(principal, None) | _place(call, parsed.account))
    kind = "federated" if parsed.resource.startswith("federated-user/") else "role"
    return Outsider(value, Principal(parsed.account, value, kind), {"aws:principalaccount": parsed.account})


def _place(call: Call, account: str) -> Context:
    """INVARIANT: where an account stands is told only to who is in one organization with it."""
    return (
        call.snapshot.organization_keys("principal", account) if together(call.snapshot, call.account, account) else {}
    )


def _service(_: Call, value: str) -> Outsider:
    keys: Context = {"aws:principalservicename": value, "aws:principalisawsservice": "true"}
    return Outsider(value, Principal("", value, "service"), keys)


_MEANT: dict[str, Callable[[Call, str], Outsider | None]] = {
    "*": lambda *_: Outsider(ANYBODY, Principal(_NO_ACCOUNT, ANYBODY, "user"), {}),
    "AWS": _person,
    "Service": _service,
    "Federated": lambda _, value: Outsider(value, Principal("", value, "federated"), {}),
}
