"""How long session policies may be, however well they pack: 2,048 characters, those of the managed ones' ARNs included;
and what is none.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html, .../API_GetFederationToken.html,
.../API_AssumeRoleWithWebIdentity.html, .../API_AssumeRoleWithSAML.html; for ARNs see PolicyArns there.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.services import callers

from . import saml_provider as saml
from . import test_web_identity as web
from .asks import FORM
from .conftest import Gateway
from .raw import Ask, Keys, document, statement
from .test_large_sessions import refusal
from .test_tags import code_of

MOST = 2048
ALL = statement("Allow", "sqs:*")
NARROW = document(statement("Allow", "sqs:ListQueues"))
AWS_MANAGED = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
Make = Callable[..., Any]


def long(length: int, text: str = NARROW) -> str:
    """A policy of so many characters, which packs well."""
    return text + " " * (length - len(text))


def _role(gateway: Gateway, _path: Path) -> Make:
    role = gateway.role(ALL)
    return lambda **more: gateway.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="session", **more)


def _federated(gateway: Gateway, _path: Path) -> Make:
    sts = gateway.client("sts", gateway.user(ALL, statement("Allow", "sts:*")))
    return lambda **more: sts.get_federation_token(Name="carol", **more)


def _web_identity(gateway: Gateway, path: Path) -> Make:
    issuer = web.Issuer(gateway, path, f"{gateway.name('idp')}.example")
    role = issuer.role(ALL)["Arn"]
    return lambda **more: web.assume(gateway, role, issuer.token(), **more)


def _saml(gateway: Gateway, _path: Path) -> Make:
    provider = saml.Provider(gateway)
    role = provider.role(ALL)
    return lambda **more: saml.assume(gateway, provider, role, provider.signed(role), **more)


EVERY = {"AssumeRole": _role, "GetFederationToken": _federated, "WithWebIdentity": _web_identity, "WithSAML": _saml}


def told(make: Make, **more: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        make(**more)
    return refusal(caught.value)


@pytest.mark.parametrize("operation", EVERY)
def test_policy_and_arns_are_counted_together(gateway: Gateway, tmp_path: Path, operation: str) -> None:
    make = EVERY[operation](gateway, tmp_path)
    arns: dict[str, Any] = {"PolicyArns": [{"arn": AWS_MANAGED}]}
    room = MOST - len(AWS_MANAGED)
    got = make(Policy=long(room), **arns)["Credentials"]
    sqs = gateway.client("sqs", Keys(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"]))
    assert [code_of(sqs.list_queues), code_of(sqs.create_queue, QueueName="q")] == ["", "AccessDenied"]
    words = "Packed policy consumes 101% of allotted space, please use smaller policy."
    assert told(make, Policy=long(room + 1), **arns) == (400, "PackedPolicyTooLarge", words)


@pytest.mark.parametrize("operation", EVERY)
def test_attack_a_policy_that_is_long_and_packs_well(gateway: Gateway, tmp_path: Path, operation: str) -> None:
    """It is not even read: one that is no policy is refused for its length."""
    make = EVERY[operation](gateway, tmp_path)
    make(Policy=long(MOST))
    # Of all but AssumeRole the model says so: AWS's ValidationError names the constraint.
    code = "PackedPolicyTooLarge" if operation == "AssumeRole" else "ValidationError"
    for each in (long(MOST + 1), long(600_000), document(*[ALL] * 10_000), "{" * (MOST + 1)):
        assert told(make, Policy=each)[1] == code
    assert told(make, Policy="{" * MOST)[1] == "MalformedPolicyDocument"


@pytest.mark.parametrize("member", ["arn=" + "x" * 20, "other=x"])
def test_what_names_no_policy_is_no_session_policy(gateway: Gateway, member: str) -> None:
    """The model does not require the arn of a policy, and says of its form that it is long enough."""
    role, name = gateway.role(ALL)["Arn"], f"PolicyArns.member.1.{member}"
    body = f"Action=AssumeRole&Version=2011-06-15&RoleArn={role}&RoleSessionName=session&{name}"
    got = gateway.ask(Ask("POST", headers=FORM, body=body.encode()), gateway.admin, "sts")
    assert (got.status, got.code) == (400, "ValidationError") and got.message.endswith(" is not valid.")


def test_a_session_policy_is_not_parsed_for_each_request(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = callers.parse
    monkeypatch.setattr(callers, "parse", lambda text, kind: (parsed.append(text), parse(text, kind))[1])
    only = document(
        statement("Allow", ["sqs:ListQueues", "sts:*"], condition={"Bool": {"aws:SecureTransport": "false"}})
    )
    session = gateway.assume(gateway.role(ALL, statement("Allow", "sts:*")), Policy=only)
    got = gateway.client("sts", session).get_scoped_credentials(Policy=only)["Credentials"]
    scoped = Keys(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
    for keys in (session, scoped) * 3:
        sqs = gateway.client("sqs", keys)
        assert [code_of(sqs.list_queues), code_of(sqs.create_queue, QueueName="q")] == ["", "AccessDenied"]
    assert parsed.count(only) == 2, "once as the session's own, once as what scopes it down"
