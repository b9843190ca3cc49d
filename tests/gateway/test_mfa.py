"""Multi-factor authentication where it counts: in the decisions about what was signed with a session that has it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html
"""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.identity import credentials, devices, totp

from .conftest import ACCOUNT, Gateway
from .raw import Keys, statement
from .test_tags import code_of

WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


class Phone:
    """A user's virtual device, each code of which is shown once."""

    def __init__(self, gateway: Gateway, user: str) -> None:
        made = gateway.iam.create_virtual_mfa_device(VirtualMFADeviceName=gateway.name("phone"))["VirtualMFADevice"]
        self.serial, self._seed = made["SerialNumber"], made["Base32StringSeed"].decode()
        # As on a device whose clock is behind, so that the codes of now are still ahead.
        self._next = int(time.time()) // totp.STEP - 20
        one, two = self._code(), self._code()
        gateway.iam.enable_mfa_device(
            UserName=user, SerialNumber=self.serial, AuthenticationCode1=one, AuthenticationCode2=two
        )

    def proof(self) -> dict[str, str]:
        return {"SerialNumber": self.serial, "TokenCode": self._code()}

    def forget_guesses(self, gateway: Gateway) -> None:
        with gateway.store.write() as conn:
            device = credentials.named(conn, ACCOUNT, devices.KIND, self.serial)
            assert device is not None
            credentials.change(conn, gateway.store.sealer, device, details={"wrong": 0, "wait": 0})

    def _code(self) -> str:
        self._next += 1
        return totp.code(self._seed, self._next - 1)


def _keys(credentials: dict[str, Any]) -> Keys:
    return Keys(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])


def test_a_session_with_mfa_may_what_asks_for_it(gateway: Gateway) -> None:
    ana = gateway.user(statement("Allow", "sqs:ListQueues") | {"Condition": WITH_MFA})
    phone, sts = Phone(gateway, ana.name), gateway.client("sts", ana)
    plain = _keys(sts.get_session_token()["Credentials"])
    proved = _keys(sts.get_session_token(**phone.proof())["Credentials"])
    codes = [code_of(gateway.client("sqs", keys).list_queues) for keys in (ana, plain, proved)]
    assert codes == ["AccessDenied", "AccessDenied", ""]


def test_a_trust_policy_may_ask_for_it_and_the_session_does_not_carry_it_on(gateway: Gateway) -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole", "Condition": WITH_MFA}
    role = gateway.role(statement("Allow", "sqs:ListQueues") | {"Condition": WITH_MFA}, trust=trust)
    ana = gateway.user(statement("Allow", "sts:AssumeRole"))
    phone, sts = Phone(gateway, ana.name), gateway.client("sts", ana)
    asked = {"RoleArn": role["Arn"], "RoleSessionName": "session"}
    assert code_of(sts.assume_role, **asked) == "AccessDenied"
    assert code_of(sts.assume_role, **asked, SerialNumber=phone.serial, TokenCode="000000") == "AccessDenied"
    session = _keys(sts.assume_role(**asked, **phone.proof())["Credentials"])
    assert code_of(gateway.client("sqs", session).list_queues) == "AccessDenied"


def test_a_session_with_mfa_may_call_iam(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html: without MFA it never may."""
    ana = gateway.user(statement("Allow", "iam:ListUsers"))
    phone, sts = Phone(gateway, ana.name), gateway.client("sts", ana)
    plain = _keys(sts.get_session_token()["Credentials"])
    proved = _keys(sts.get_session_token(**phone.proof())["Credentials"])
    assert [code_of(gateway.client("iam", keys).list_users) for keys in (plain, proved)] == ["AccessDenied", ""]


def test_a_code_is_used_up_by_what_succeeds_alone(gateway: Gateway) -> None:
    """All else is looked at first, so that whoever mends the request need not wait for the next code."""
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole", "Condition": WITH_MFA}
    role = gateway.role(statement("Allow", "sqs:*"), trust=trust)
    other = gateway.role(trust=trust | {"Principal": {"Service": "ec2.amazonaws.com"}})
    ana = gateway.user(statement("Allow", "sts:AssumeRole"))
    phone, sts = Phone(gateway, ana.name), gateway.client("sts", ana)
    asked = {"RoleArn": role["Arn"], "RoleSessionName": "session", **phone.proof()}
    faults = [
        ("PackedPolicyTooLarge", {"Policy": "{}" + " " * 2048}),
        ("MalformedPolicyDocument", {"Policy": "{}"}),
        ("ValidationError", {"PolicyArns": [{"arn": f"arn:aws:iam::{ACCOUNT}:policy/nowhere"}]}),
        ("ValidationError", {"DurationSeconds": 43200}),
        ("ValidationError", {"TransitiveTagKeys": ["none"]}),
        ("AccessDenied", {"RoleArn": other["Arn"]}),
        ("AccessDenied", {"SourceIdentity": "somebody"}),
    ]
    for code, fault in faults:
        assert code_of(sts.assume_role, **{**asked, **fault}) == code
    _keys(sts.assume_role(**asked)["Credentials"])
    assert code_of(sts.assume_role, **asked) == "AccessDenied", "now it is"
    assert code_of(sts.get_session_token, SerialNumber=asked["SerialNumber"], TokenCode=asked["TokenCode"]) == (
        "AccessDenied"
    )


# INVARIANT: a wrong code is refused before any policy is asked.
def test_attack_a_stolen_key_asks_what_the_device_would_open(gateway: Gateway) -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole", "Condition": WITH_MFA}
    opened, closed = gateway.role(trust=trust), gateway.role(trust=trust | {"Effect": "Deny"})
    ana = gateway.user(statement("Allow", "sts:AssumeRole"))
    phone, sts = Phone(gateway, ana.name), gateway.client("sts", ana)
    asked = [
        {"RoleArn": opened["Arn"], "RoleSessionName": "session"},
        {"RoleArn": opened["Arn"], "RoleSessionName": "session", "DurationSeconds": 43200},
        {"RoleArn": opened["Arn"], "RoleSessionName": "session", "Policy": "{}"},
        {"RoleArn": closed["Arn"], "RoleSessionName": "session"},
        {"RoleArn": closed["Arn"] + "-none", "RoleSessionName": "session"},
    ]
    proof = phone.proof()
    for code in ("000000", proof["TokenCode"]):
        messages = set()
        for each in asked:
            with pytest.raises(ClientError) as refused:
                sts.assume_role(**each, SerialNumber=phone.serial, TokenCode=code)
            messages.add(refused.value.response["Error"]["Message"])
            phone.forget_guesses(gateway)
        assert len(messages) == 1 and "MultiFactorAuthentication failed" in messages.pop()
        if code == "000000":  # and then the right one, which was used
            assert code_of(sts.assume_role, **asked[0], **proof) == ""


def test_guesses_at_a_role_make_the_next_one_wait(gateway: Gateway) -> None:
    ana = gateway.user()
    phone, sts = Phone(gateway, ana.name), gateway.client("sts", ana)
    asked = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/none", "RoleSessionName": "session"}
    for _ in range(10):  # with the last of which it has to wait for half a minute
        assert code_of(sts.assume_role, **asked, SerialNumber=phone.serial, TokenCode="000000") == "AccessDenied"
    assert code_of(sts.get_session_token, **phone.proof()) == "AccessDenied"
