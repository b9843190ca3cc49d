"""Every documented rule of evaluation, from cases/*.json: a file is a rule with its URL, a case a request.

A case takes what it does not say from the file's `defaults` and those from BASE. `statement` is shorthand for an
identity policy of one statement, merged over the default one. `expect` is "allowed by a TYPE" or AWS's reason.
"""

import json
from pathlib import Path
from typing import Any

import pytest

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
    compile_policy,
    evaluate,
    parse,
)

DIRECTORY = Path(__file__).parent / "cases"
ACCOUNT = "111122223333"
PRINCIPALS = {
    "user": Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/bob", "user", id="AIDABOBBOBBOBBOBBOBBO"),
    "alice": Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/team/alice", "user", id="AIDAALICEALICEALICEAL"),
    "session": Principal(
        ACCOUNT,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Worker/i-1",
        "role",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/app/Worker",
        id="AROAWORKERWORKERWORKE",
    ),
    "root": Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", "root", id=ACCOUNT),
    "federated-user": Principal(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:federated-user/carol", "federated"),
    "linked": Principal(
        ACCOUNT,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSServiceRoleForECS/s",
        "role",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        id="AROALINKEDLINKEDLINKE",
    ),
    "lookalike": Principal(
        ACCOUNT,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSServiceRoleForECS/s",
        "role",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/x/AWSServiceRoleForECS",
        id="AROALOOKALIKELOOKALIK",
    ),
    "stranger-root": Principal("999999999999", "arn:aws:iam::999999999999:root", "root", id="999999999999"),
    "dave": Principal(
        ACCOUNT, f"arn:aws:sts::{ACCOUNT}:federated-user/dave", "federated", role_arn=f"arn:aws:iam::{ACCOUNT}:user/bob"
    ),
    "ec2": Principal("", "ec2.amazonaws.com", "service"),
    "github": Principal("", f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com", "federated"),
    "google": Principal("", "accounts.google.com", "federated"),
    "anonymous": Principal("", "*", "anonymous"),
    "stranger": Principal("999999999999", "arn:aws:iam::999999999999:user/bob", "user", id="AIDASTRANGERSTRANGERS"),
    "strange-session": Principal(
        "999999999999",
        "arn:aws:sts::999999999999:assumed-role/Worker/i-1",
        "role",
        role_arn="arn:aws:iam::999999999999:role/app/Worker",
        id="AROASTRANGERSTRANGERS",
    ),
}
BASE: dict[str, Any] = {
    "principal": "user",
    "action": "s3:GetObject",
    "resource": "arn:aws:s3:::bucket/key",
    "resource_account": "",
    "context": {},
    "version": "2012-10-17",
    "statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
}


def load() -> list[tuple[str, dict[str, Any]]]:
    """Every case, with the name of its file and its own."""
    found = []
    for path in sorted(DIRECTORY.glob("*.json")):
        content = json.loads(path.read_text())
        for case in content["cases"]:
            merged = BASE | content.get("defaults", {}) | case
            merged["statement"] = BASE["statement"] | content.get("defaults", {}).get("statement", {})
            merged["statement"] = {
                key: value for key, value in (merged["statement"] | case.get("statement", {})).items() if value
            }
            found.append((f"{path.stem}: {case['name']}", merged))
    return found


def request_of(case: dict[str, Any]) -> Request:
    """The request of a case."""
    context = {key: tuple(value) if isinstance(value, list) else value for key, value in case["context"].items()}
    principal = PRINCIPALS[case["principal"]]
    return Request(principal, case["action"], case["resource"], context, case["resource_account"])


def document_text(case: dict[str, Any], given: Any) -> str:
    """The text of a policy: a whole document, a list of statements or one statement."""
    if isinstance(given, dict) and "Statement" in given:
        return json.dumps(given)
    return json.dumps({"Version": case["version"], "Statement": given})


def policies_of(case: dict[str, Any]) -> Policies:
    """The policies of a case."""

    def one(type: PolicyType, given: Any, name: str = "") -> Policy:
        return compile_policy(parse(document_text(case, given), type), Source(type, name=name))

    def several(type: PolicyType, given: list[Any]) -> PolicySet:
        return PolicySet(one(type, each, str(index)) for index, each in enumerate(given))

    return Policies(
        identity=several(PolicyType.IDENTITY, case.get("identity", [case["statement"]])),
        boundary=one(PolicyType.BOUNDARY, case["boundary"]) if "boundary" in case else None,
        session=several(PolicyType.SESSION, case["session"]) if "session" in case else None,
        resource=one(PolicyType.RESOURCE, case["resource_policy"]) if "resource_policy" in case else None,
        trust=one(PolicyType.TRUST, case["trust"]) if "trust" in case else None,
        scps=tuple(several(PolicyType.SCP, level) for level in case.get("scps", [])),
        rcps=tuple(several(PolicyType.RCP, level) for level in case.get("rcps", [])),
        vpc_endpoint=one(PolicyType.VPC_ENDPOINT, case["vpc_endpoint"]) if "vpc_endpoint" in case else None,
        limits=Limits(case["limits"]) if "limits" in case else None,
        gateway_endpoint=case.get("gateway_endpoint", False),
    )


def answer(decision: Decision, action: str) -> str:
    """The decision in the words of `expect`."""
    if decision.allowed:
        return f"allowed by a {decision.type}" if decision.type else "allowed"
    return decision.reason(action)


CASES = load()


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_case(case: dict[str, Any]) -> None:
    decision = evaluate(request_of(case), policies_of(case))
    assert answer(decision, case["action"]) == case["expect"]
    assert not (decision.allowed and decision.explicit)
    assert decision.type is None or isinstance(decision.type, PolicyType)
    assert list(decision.missing_keys) == case.get("missing", list(decision.missing_keys))
    said = {str(name): str(verdict) for name, verdict in decision.verdicts.items()}
    assert said == case.get("verdicts", said)


def test_each_file_names_its_rule_and_page() -> None:
    for path in DIRECTORY.glob("*.json"):
        content = json.loads(path.read_text())
        assert content["rule"], path
        assert content["url"].startswith("https://docs.aws.amazon.com/"), path
        names = [case["name"] for case in content["cases"]]
        assert len(names) == len(set(names)), path


def test_there_are_many() -> None:
    assert len(CASES) >= 850
