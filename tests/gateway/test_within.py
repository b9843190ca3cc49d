"""What Kansatsu asks as a role goes the way of everybody's requests: signed, authorized, recorded."""

from typing import Any

import pytest

from kansatsu.errors import AwsError, ServiceUnavailable
from kansatsu.gateway.within import Within
from kansatsu.workload.views import Credentials

from .conftest import Gateway
from .raw import REGION, Keys, statement


@pytest.fixture
def within(gateway: Gateway) -> Within:
    made = Within(gateway.clock)
    made.pipeline = gateway.pipeline
    return made


def credentials(gateway: Gateway, keys: Keys) -> Credentials:
    now = gateway.clock.now()
    return Credentials(keys.name, "", keys.id, keys.secret, keys.token, now, now)


def ask(gateway: Gateway, within: Within, keys: Keys, operation: str, **params: Any) -> Any:
    service = "ssm" if "Parameter" in operation else "secretsmanager"
    return gateway.run(within(credentials(gateway, keys), REGION, service, operation, params))


def test_a_role_reads_what_it_may_and_nothing_else(gateway: Gateway, within: Within) -> None:
    """INVARIANT: nothing is done for a workload that its role may not do, and what is done is evidence."""
    name = gateway.name("secret")
    arn = gateway.client("secretsmanager").create_secret(Name=name, SecretString="s3cret")["ARN"]
    gateway.client("ssm").put_parameter(Name=f"/{name}/a", Value="v", Type="SecureString")
    role = gateway.role(
        statement("Allow", "secretsmanager:GetSecretValue", arn), statement("Allow", "ssm:GetParameters")
    )
    keys = gateway.session(role)
    assert ask(gateway, within, keys, "GetSecretValue", SecretId=arn)["SecretString"] == "s3cret"
    found = ask(gateway, within, keys, "GetParameters", Names=[f"/{name}/a"], WithDecryption=True)["Parameters"]
    assert [each["Value"] for each in found] == ["v"]
    with pytest.raises(AwsError, match="not authorized to perform: secretsmanager:DescribeSecret") as caught:
        ask(gateway, within, keys, "DescribeSecret", SecretId=arn)
    assert caught.value.code == "AccessDeniedException"
    events = gateway.events(keys)
    assert {(event.action, event.allowed) for event in events} == {
        ("GetSecretValue", True), ("GetParameters", True), ("DescribeSecret", False),
    }  # fmt: skip


def test_forged_credentials_get_nothing(gateway: Gateway, within: Within) -> None:
    keys = gateway.session(gateway.role(statement("Allow", "*")))
    forged = Keys(keys.id, "x" * 40, keys.token, keys.name)
    with pytest.raises(AwsError, match="signature"):
        ask(gateway, within, forged, "ListSecrets")


def test_before_there_is_a_pipeline(gateway: Gateway) -> None:
    keys = gateway.session(gateway.role(statement("Allow", "*")))
    with pytest.raises(ServiceUnavailable):
        ask(gateway, Within(gateway.clock), keys, "ListSecrets")
