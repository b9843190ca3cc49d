"""A role of ours can be handed to the embedded backend's Lambda and Batch, which look for it; no other role can."""

import base64
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.errors import AwsError

from .conftest import ACCOUNT, Gateway
from .raw import REGION

ROLES = f"arn:aws:iam::{ACCOUNT}:role/"
EMPTY_ZIP = base64.b64decode("UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==")
SAID = "The role defined for the function cannot be assumed by Lambda."


def make(gateway: Gateway, role: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""
    answer: dict[str, Any] = gateway.client("lambda").create_function(
        FunctionName=gateway.name("function"),
        Runtime="python3.12",
        Handler="main.handle",
        Role=role,
        Code={"ZipFile": EMPTY_ZIP},
    )
    return answer


def test_a_role_of_ours_is_known(gateway: Gateway) -> None:
    role = gateway.role(Path="/service-role/")
    for _ in range(2):
        assert make(gateway, role["Arn"])["Role"] == role["Arn"]
    hosts = gateway.client("batch").create_compute_environment(
        computeEnvironmentName=gateway.name("hosts"), type="UNMANAGED", serviceRole=gateway.role()["Arn"]
    )
    assert hosts["computeEnvironmentName"]


@pytest.mark.parametrize("how", ["never made", "another path", "another account"])
def test_no_other_role_is(gateway: Gateway, how: str) -> None:
    role = gateway.role()["Arn"]
    wrong = {
        "never made": f"{ROLES}{gateway.name('missing')}",
        "another path": role.replace(":role/", ":role/other/"),
        "another account": role.replace(ACCOUNT, "210987654321"),
    }[how]
    with pytest.raises(ClientError) as refused:
        make(gateway, wrong)
    assert refused.value.response["Error"]["Code"] in ("InvalidParameterValueException", "AccessDeniedException")


def test_the_backend_learns_of_no_role_from_who_may_not_pass_it(gateway: Gateway) -> None:
    role = gateway.role()
    keys = gateway.user({"Effect": "Allow", "Action": "lambda:*", "Resource": "*"})
    with pytest.raises(ClientError, match="iam:PassRole"):
        gateway.client("lambda", keys).create_function(
            FunctionName=gateway.name("function"), Role=role["Arn"], Code={"ZipFile": EMPTY_ZIP}
        )
    forwarder = gateway.pipeline._forwarder
    with pytest.raises(AwsError, match=role["RoleName"]):
        gateway.run(forwarder.ask(ACCOUNT, REGION, "iam", "GetRole", {"RoleName": role["RoleName"]}))
