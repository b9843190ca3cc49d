"""Laws that hold for every policy and request, and total robustness of the parser."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kansatsu.errors import MalformedPolicyDocument
from kansatsu.policy import (
    Decision,
    Limits,
    Policies,
    Policy,
    PolicySet,
    PolicyType,
    Principal,
    Request,
    Source,
    Verdict,
    compile_policy,
    dump,
    evaluate,
    parse,
    principals,
    with_principals,
)

ACCOUNT = "111122223333"
USER = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/bob", "user", id="AIDABOBBOBBOBBOBBOBBO")
SESSION = Principal(
    ACCOUNT,
    f"arn:aws:sts::{ACCOUNT}:assumed-role/R/s",
    "role",
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/p/R",
    id="AROARRRRRRRRRRRRRRRRR",
)
CALLERS = [
    USER,
    SESSION,
    Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", "root"),
    Principal("999999999999", "arn:aws:iam::999999999999:user/eve", "user"),
    Principal("", "ec2.amazonaws.com", "service"),
    Principal("", "*", "anonymous"),
]
OPERATORS = ["StringEquals", "StringNotLike", "ArnLike", "NumericLessThan", "Bool", "Null", "IpAddress", "DateEquals"]
SETTINGS = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])

word = st.text("ab*?:/${}k'., \u0000", max_size=8)
value = st.one_of(word, st.sampled_from(["true", "1", "10.0.0.0/8", "2026-01-01", "${k:a}", "arn:aws:s3:::a"]))
operators = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "ForAllValues:", "ForAnyValue:"]),
    st.sampled_from(OPERATORS),
    st.sampled_from(["", "IfExists"]),
)
conditions = st.dictionaries(operators, st.dictionaries(st.sampled_from(["k:a", "k:b"]), value, max_size=2), max_size=2)
actions = st.lists(st.sampled_from(["*", "s3:*", "s3:Get*", "s3:GetObject", "sts:AssumeRole"]), min_size=1, max_size=2)
rcp_actions = st.lists(st.sampled_from(["s3:*", "s3:Get*", "sts:AssumeRole"]), min_size=1, max_size=2)
arns = st.lists(st.one_of(st.just("*"), word.map("arn:aws:s3:::{}".format)), min_size=1, max_size=2)
entries = st.sampled_from(["*", ACCOUNT, USER.arn, USER.id, SESSION.arn, SESSION.role_arn, "999999999999"])


def statements(guard: bool = False, effect: str = "", rcp: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """Statements of identity policies, or of resource policies when `guard`."""
    who = {"Principal": st.fixed_dictionaries({"AWS": st.lists(entries, min_size=1, max_size=2)})} if guard else {}
    extra = {"Principal": st.just("*"), "Action": rcp_actions, "Effect": st.just("Deny")} if rcp else {}
    return st.fixed_dictionaries(
        {
            "Effect": st.just(effect) if effect else st.sampled_from(["Allow", "Allow", "Deny"]),
            "Action": actions,
            "Resource": arns,
            **who,
            **extra,
        },
        optional={"Condition": conditions},
    )


def policy(type: PolicyType, **kind: Any) -> st.SearchStrategy[Policy]:
    """Valid policies of a type; what the parser refuses is thrown away."""

    def build(given: list[dict[str, Any]]) -> Policy | None:
        try:
            document = parse(json.dumps({"Version": "2012-10-17", "Statement": given}), type)
        except MalformedPolicyDocument:
            return None
        return compile_policy(document, Source(type))

    made = st.lists(statements(**kind), min_size=1, max_size=3).map(build)
    return made.filter(lambda found: found is not None)  # type: ignore[return-value]


identity = st.lists(policy(PolicyType.IDENTITY), max_size=3)
guards = st.none() | policy(PolicyType.RESOURCE, guard=True)
requests = st.builds(
    Request,
    st.sampled_from(CALLERS),
    st.sampled_from(["s3:GetObject", "s3:PutObject", "sts:AssumeRole", "iam:CreateUser", ""]),
    st.one_of(st.just("*"), word, word.map("arn:aws:s3:::{}".format)),
    st.dictionaries(st.sampled_from(["k:a", "k:b"]), st.one_of(value, st.lists(value, max_size=2).map(tuple))),
    st.sampled_from(["", ACCOUNT, "999999999999"]),
)


def grants_no_more(before: Decision, after: Decision) -> bool:
    return before.allowed or not after.allowed


@SETTINGS
@given(requests, identity, guards, policy(PolicyType.IDENTITY, effect="Deny"))
def test_adding_a_deny_never_grants(request: Request, own: list[Policy], guard: Policy | None, deny: Policy) -> None:
    before = evaluate(request, Policies(PolicySet(own), resource=guard))
    after = evaluate(request, Policies(PolicySet([*own, deny]), resource=guard))
    assert grants_no_more(before, after)


@SETTINGS
@given(requests, identity, guards, policy(PolicyType.BOUNDARY))
def test_adding_a_boundary_never_grants(
    request: Request, own: list[Policy], guard: Policy | None, boundary: Policy
) -> None:
    before = evaluate(request, Policies(PolicySet(own), resource=guard))
    assert grants_no_more(before, evaluate(request, Policies(PolicySet(own), boundary, resource=guard)))


@SETTINGS
@given(requests, identity, guards, st.lists(st.lists(policy(PolicyType.SESSION), max_size=2), max_size=3))
def test_scoping_a_session_down_never_grants(
    request: Request, own: list[Policy], guard: Policy | None, scopes: list[list[Policy]]
) -> None:
    """And what is allowed each of the scopes allows, whoever else does."""
    sets = tuple(PolicySet(each) for each in scopes)
    before = Policies(PolicySet(own), resource=guard)
    after = evaluate(request, replace(before, scoped=sets))
    assert grants_no_more(evaluate(request, before), after)
    if after.allowed and request.principal.kind in {"user", "role", "root"}:
        said = [each.verdict(request.action, request.resource, request.context) for each in sets]
        assert said == [Verdict.ALLOW] * len(sets)


@SETTINGS
@given(requests, identity, guards, st.lists(policy(PolicyType.SESSION), max_size=2))
def test_adding_session_policies_never_grants(
    request: Request, own: list[Policy], guard: Policy | None, session: list[Policy]
) -> None:
    before = evaluate(request, Policies(PolicySet(own), resource=guard))
    after = evaluate(request, Policies(PolicySet(own), session=PolicySet(session), resource=guard))
    assert grants_no_more(before, after)


@SETTINGS
@given(
    requests, identity, policy(PolicyType.RESOURCE, guard=True), policy(PolicyType.RESOURCE, guard=True, effect="Deny")
)
def test_a_deny_in_the_resource_policy_never_grants(
    request: Request, own: list[Policy], guard: Policy, deny: Policy
) -> None:
    both = {"Version": "2012-10-17", "Statement": [json.loads(dump(p.document))["Statement"] for p in (guard, deny)]}
    both["Statement"] = [statement for group in both["Statement"] for statement in group]
    joined = compile_policy(parse(json.dumps(both), PolicyType.RESOURCE), Source(PolicyType.RESOURCE))
    before = evaluate(request, Policies(PolicySet(own), resource=guard))
    assert grants_no_more(before, evaluate(request, Policies(PolicySet(own), resource=joined)))


scps = st.lists(st.lists(policy(PolicyType.SCP), max_size=2).map(PolicySet), max_size=2).map(tuple)
rcps = st.lists(st.lists(policy(PolicyType.RCP, rcp=True), max_size=1).map(PolicySet), max_size=2).map(tuple)
endpoints = policy(PolicyType.VPC_ENDPOINT, guard=True)
FREE = Request(USER, "sts:GetCallerIdentity", "*", {})


@SETTINGS
@given(requests, identity, guards, scps, rcps, st.none() | endpoints, st.none() | st.sampled_from(Limits))
def test_what_stands_above_an_account_never_grants(
    request: Request,
    own: list[Policy],
    guard: Policy | None,
    above: tuple[PolicySet, ...],
    around: tuple[PolicySet, ...],
    endpoint: Policy | None,
    limits: Limits | None,
) -> None:
    before = evaluate(request, Policies(PolicySet(own), resource=guard))
    policies = Policies(PolicySet(own), resource=guard, scps=above, rcps=around, vpc_endpoint=endpoint, limits=limits)
    after = evaluate(request, policies)
    assert grants_no_more(before, after)
    assert after.explicit == ("Deny" in {match.effect for match in after.matched})
    if after.type in after.verdicts:
        assert (after.verdicts[after.type] == "allowed") == after.allowed


@SETTINGS
@given(requests, identity, guards, scps, scps)
def test_the_order_of_levels_does_not_matter(
    request: Request, own: list[Policy], guard: Policy | None, one: tuple[PolicySet, ...], two: tuple[PolicySet, ...]
) -> None:
    answers = {
        (decision.allowed, decision.explicit, decision.type)
        for levels in (one + two, two + one, one + one + two)
        for decision in [evaluate(request, Policies(PolicySet(own), resource=guard, scps=levels))]
    }
    assert len(answers) == 1


@SETTINGS
@given(identity, scps, st.none() | endpoints)
def test_nothing_takes_get_caller_identity_away(
    own: list[Policy], above: tuple[PolicySet, ...], endpoint: Policy | None
) -> None:
    for limits in (None, *Limits):
        policies = Policies(PolicySet(own), scps=above, vpc_endpoint=endpoint, limits=limits)
        assert evaluate(FREE, policies).allowed


@SETTINGS
@given(requests, identity, guards)
def test_the_explanation_fits_the_decision(request: Request, own: list[Policy], guard: Policy | None) -> None:
    decision = evaluate(request, Policies(PolicySet(own), resource=guard))
    effects = {match.effect for match in decision.matched}
    assert decision.explicit == ("Deny" in effects)
    if decision.allowed and request.principal.kind != "root":
        assert "Allow" in effects
    assert (decision.reason(request.action) == "") == decision.allowed
    if decision.type in decision.verdicts:
        assert (decision.verdicts[decision.type] == "allowed") == decision.allowed


@SETTINGS
@given(policy(PolicyType.IDENTITY))
def test_dump_and_parse(given: Policy) -> None:
    assert parse(dump(given.document)) == given.document


@SETTINGS
@given(policy(PolicyType.RESOURCE, guard=True))
def test_dump_and_parse_with_principals(given: Policy) -> None:
    assert parse(dump(given.document), PolicyType.RESOURCE) == given.document
    assert with_principals(given.document.text, {name: name for name in principals(given.document)}) == (
        given.document.text
    )


# Anything at all

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
elements = ["Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition", "Sid"]
fields = {
    "Effect": st.sampled_from(["Allow", "Deny"]) | json_values,
    "Action": actions | json_values,
    "Resource": arns | json_values,
    "Principal": entries.map(lambda entry: {"AWS": entry}) | json_values,
    "Condition": conditions | json_values,
}
wild = st.fixed_dictionaries({}, optional={name: fields.get(name, json_values) for name in elements})
documents = st.fixed_dictionaries(
    {"Statement": st.lists(wild, max_size=2) | wild | json_values},
    optional={"Version": st.sampled_from(["2012-10-17", "2008-10-17"]) | json_values, "Id": json_values},
)


def evaluated(text: str, type: PolicyType, request: Request) -> None:
    """Parses and, when that works, evaluates and explains; anything but MalformedPolicyDocument fails the test."""
    try:
        document = parse(text, type)
    except MalformedPolicyDocument:
        return
    compiled = compile_policy(document, Source(type))
    guard = compiled if type in {PolicyType.RESOURCE, PolicyType.TRUST} else None
    decision = evaluate(request, Policies(PolicySet([compiled] if guard is None else []), resource=guard))
    assert isinstance(decision.reason(request.action), str)
    assert decision.verdicts is not None
    assert decision.matched is not None
    assert decision.missing_keys is not None
    with_principals(text, {"*": "x"})


@settings(SETTINGS, max_examples=300)
@given(documents, st.sampled_from(PolicyType), requests)
def test_any_json(document: Any, type: PolicyType, request: Request) -> None:
    evaluated(json.dumps(document), type, request)


@SETTINGS
@given(st.text(), st.sampled_from(PolicyType), requests)
def test_any_text(text: str, type: PolicyType, request: Request) -> None:
    evaluated(text, type, request)
    evaluated('{"Version":"2012-10-17","Statement":[' + text, type, request)


@SETTINGS
@given(policy(PolicyType.IDENTITY), st.data())
def test_any_damage(given: Policy, data: st.DataObject) -> None:
    text = given.document.text
    at = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(at, min(at + 3, len(text))))
    damage = data.draw(st.text('{}[]",:\\u0\ud800eE-.tn ', max_size=3))
    request = Request(USER, "s3:GetObject", "*", {})
    evaluated(text[:at] + damage + text[end:], PolicyType.IDENTITY, request)


def test_a_trust_and_a_resource_policy_exclude_each_other() -> None:
    text = '{"Statement":{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}}'
    guard = compile_policy(parse(text, PolicyType.TRUST), Source(PolicyType.TRUST))
    with pytest.raises(ValueError, match="cannot be both"):
        Policies(PolicySet(), resource=guard, trust=guard)
