"""INVARIANT: the policy simulator and the gateway cannot disagree: one caller, one set of policies, one context."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from . import raw
from .asks import FORM
from .conftest import ACCOUNT, Gateway
from .raw import REGION, Ask, Keys, statement

USERS = f"arn:aws:iam::{ACCOUNT}:user/"
ROUNDS = 60
# What a request brings along, as ContextEntries: what depends on the second is left to the policies' own tests.
CONTEXT = {
    "aws:SourceIp": ("ip", "127.0.0.1"),
    "aws:SecureTransport": ("boolean", "false"),
    "aws:RequestedRegion": ("string", REGION),
}
CONDITIONS = [
    None,
    {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}},
    {"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}},
    {"Bool": {"aws:SecureTransport": "true"}},
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}},
    {"Null": {"aws:TokenIssueTime": "true"}},
    {"StringEquals": {"aws:RequestedRegion": REGION, "aws:PrincipalType": "User"}},
    {"StringLike": {"aws:username": "user-*"}},
    {"StringEquals": {"aws:PrincipalTag/Team": "Blue"}},
    {"StringNotEquals": {"aws:PrincipalTag/Team": "Blue"}},
    {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}},
    {"ArnLike": {"aws:PrincipalArn": f"{USERS}*"}},
    {"ForAnyValue:StringEquals": {"aws:PrincipalTag/Team": ["Blue", "Red"]}},
]
ACTIONS = ["iam:ListAccountAliases", "iam:ListUsers", "iam:List*", "iam:*", "*", "sts:*", "iam:ListGroups"]
RESOURCES = ["*", f"{USERS}*", f"arn:aws:iam::{ACCOUNT}:group/*", f"arn:aws:iam::{ACCOUNT}:*/", USERS]
ASKED = {
    "ListUsers": ("iam:ListUsers", USERS),
    "ListGroups": ("iam:ListGroups", f"arn:aws:iam::{ACCOUNT}:group/"),
}


def generated(dice: random.Random, effects: list[str]) -> dict[str, Any]:
    made = statement(dice.choice(effects), dice.choice(ACTIONS), dice.choice(RESOURCES), dice.choice(CONDITIONS))
    if dice.random() < 0.1:
        made["NotAction"] = made.pop("Action")
    if made.get("NotAction") != "*" and dice.random() < 0.1:
        made["NotResource"] = made.pop("Resource")
    return made


def test_they_agree(gateway: Gateway) -> None:
    dice, seen = random.Random(20261123), set()
    keys = gateway.user(Tags=[{"Key": "Team", "Value": "Blue"}])
    boundary = gateway.iam.create_policy(
        PolicyName=gateway.name("boundary"), PolicyDocument=raw.document(statement("Allow", "*"))
    )["Policy"]["Arn"]
    for number in range(ROUNDS):
        statements = [generated(dice, ["Allow", "Allow", "Deny"]) for _ in range(dice.randint(1, 4))]
        gateway.iam.put_user_policy(UserName=keys.name, PolicyName="own", PolicyDocument=raw.document(*statements))
        if number == ROUNDS // 2:
            gateway.iam.put_user_permissions_boundary(UserName=keys.name, PermissionsBoundary=boundary)
        if number >= ROUNDS // 2:
            limits = [generated(dice, ["Allow", "Allow", "Allow", "Deny"]) for _ in range(3)]
            made = gateway.iam.create_policy_version(
                PolicyArn=boundary, PolicyDocument=raw.document(*limits), SetAsDefault=True
            )["PolicyVersion"]["VersionId"]
        for operation, (action, resource) in ASKED.items():
            ask = Ask("POST", "/", body=f"Action={operation}&Version=2010-05-08".encode(), headers=dict(FORM))
            live = gateway.ask(ask, keys, "iam").status
            assert live in (200, 403)
            decision = simulated(gateway, keys, action, resource)
            assert (decision == "allowed") == (live == 200), (statements, action, decision)
            seen.add(decision)
        if number >= ROUNDS // 2:
            old = [
                version["VersionId"]
                for version in gateway.iam.list_policy_versions(PolicyArn=boundary)["Versions"]
                if version["VersionId"] != made
            ]
            for version in old:
                gateway.iam.delete_policy_version(PolicyArn=boundary, VersionId=version)
    assert seen == {"allowed", "explicitDeny", "implicitDeny"}


def simulated(gateway: Gateway, keys: Keys, action: str, resource: str) -> str:
    entries = [
        {"ContextKeyName": key, "ContextKeyType": kind, "ContextKeyValues": [value]}
        for key, (kind, value) in CONTEXT.items()
    ]
    (found,) = gateway.iam.simulate_principal_policy(
        PolicySourceArn=f"{USERS}{keys.name}", ActionNames=[action], ResourceArns=[resource], ContextEntries=entries
    )["EvaluationResults"]
    decision: str = found["ResourceSpecificResults"][0]["EvalResourceDecision"]
    assert decision == found["EvalDecision"]
    return decision


def test_the_aws_cli(gateway: Gateway, tmp_path: Path) -> None:
    beside = Path(sys.executable).with_name("aws")
    aws = str(beside) if beside.exists() else shutil.which("aws")
    assert aws is not None
    keys = gateway.user(statement("Allow", "s3:GetObject", "arn:aws:s3:::b/*"))
    environ = {
        "AWS_ACCESS_KEY_ID": gateway.admin.boto["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": gateway.admin.boto["aws_secret_access_key"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }
    asked = ["--policy-source-arn", f"{USERS}{keys.name}", "--action-names", "s3:GetObject", "s3:PutObject"]
    where = ["--region", REGION, "--output", "json", "--endpoint-url", gateway.endpoint]
    command = [aws, *where, "iam", "simulate-principal-policy", *asked, "--resource-arns", "arn:aws:s3:::b/k"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["EvaluationResults"]
    assert [item["EvalDecision"] for item in results] == ["allowed", "implicitDeny"]


def test_attack_another_accounts_principal(gateway: Gateway) -> None:
    """INVARIANT: nobody learns of policies in another account, whatever they may do in their own."""
    with pytest.raises(gateway.iam.exceptions.ClientError) as refused:
        gateway.iam.simulate_principal_policy(
            PolicySourceArn="arn:aws:iam::210987654321:user/somebody", ActionNames=["s3:GetObject"]
        )
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
