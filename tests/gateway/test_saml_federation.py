"""AssumeRoleWithSAML with real signatures: whom a provider names becomes the role, and no forged document lets one in.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kansatsu.services.sts.saml import _LISTS, _SINGLES

from .conftest import ACCOUNT, SECOND, Gateway
from .raw import LARGE, statement
from .saml_provider import OTHER, OTHERS, OWN, PROTOCOL, RECIPIENT, Provider, assume, code, keys_of, metadata, sign
from .test_tags import code_of


@pytest.fixture(scope="module")
def provider(gateway: Gateway) -> Provider:
    return Provider(gateway)


@pytest.fixture(scope="module")
def open_role(provider: Provider) -> str:
    """A role for everybody whom the provider names."""
    return provider.role()


@pytest.mark.parametrize("whole", [False, True], ids=["the assertion is signed", "the response is signed"])
def test_whom_the_provider_names_becomes_the_role(gateway: Gateway, provider: Provider, whole: bool) -> None:
    role = provider.role(statement("Allow", "sqs:ListQueues"), StringEquals={"saml:sub": "ana", "saml:aud": RECIPIENT})
    got = assume(gateway, provider, role, provider.signed(role, whole))
    hashed = hashlib.sha1(f"{provider.entity}{ACCOUNT}/{provider.name}".encode()).digest()
    assert {key: got[key] for key in ("Subject", "SubjectType", "Issuer", "Audience", "NameQualifier")} == {
        "Subject": "ana",
        "SubjectType": "persistent",
        "Issuer": provider.entity,
        "Audience": RECIPIENT,
        "NameQualifier": base64.b64encode(hashed).decode(),
    }
    session = keys_of(got)
    assert gateway.client("sts", session).get_caller_identity()["Arn"].endswith("/ana@example")
    assert code_of(gateway.client("sqs", session).list_queues) == ""
    assert code_of(gateway.client("sqs", session).create_queue, QueueName="q") == "AccessDenied"


INVALID, EXPIRED = "InvalidIdentityToken", "ExpiredTokenException"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"issuer": "https://evil.example"}, INVALID),
        ({"audience": "urn:other"}, INVALID),
        ({"audience": ""}, INVALID),
        ({"audience": RECIPIENT}, ""),
        ({"recipient": "https://evil.example/saml"}, INVALID),
        ({"recipient": "https://signin.aws.amazon.com.evil.example/saml"}, INVALID),
        ({"recipient": f"{RECIPIENT}/acs/OTHERPROVIDERSID"}, INVALID),
        ({"recipient": "https://eu-central-1.signin.aws.amazon.com/saml"}, ""),
        ({"subject": ""}, INVALID),
        ({"issued": -301}, EXPIRED),
        ({"issued": 600}, INVALID),
        ({"end": -1}, EXPIRED),
        ({"begins": 600}, INVALID),
        ({"confirmed": -1}, EXPIRED),
        ({"session": -1}, EXPIRED),
        ({"attributes": {f"{OWN}RoleSessionName": None}}, INVALID),
        ({"attributes": {f"{OWN}RoleSessionName": ["a", "b"]}}, INVALID),
        ({"attributes": {f"{OWN}RoleSessionName": ["a b"]}}, INVALID),
        ({"attributes": {f"{OWN}SessionDuration": ["60"]}}, INVALID),
        ({"attributes": {f"{OWN}SessionDuration": ["\u0663\u0663\u0663\u0663"]}}, INVALID),
        ({"attributes": {f"{OWN}SourceIdentity": ["aws:x"]}}, INVALID),
        ({"attributes": {f"{OWN}SourceIdentity": ["ana"]}}, "AccessDenied"),
        ({"attributes": {f"{OWN}PrincipalTag:Team": ["Blue"]}}, "AccessDenied"),
        ({"attributes": {f"{OWN}PrincipalTag:Team": ["x" * 300]}}, "ValidationError"),
        ({"attributes": {f"{OWN}Role": ["arn:aws:iam::123456789012:role/other,arn:aws:iam::x"]}}, "AccessDenied"),
        ({"attributes": {f"{OWN}Role": None}}, "AccessDenied"),
    ],
    ids=str,
)
def test_what_an_assertion_must_say(
    gateway: Gateway, provider: Provider, open_role: str, said: dict[str, Any], expected: str
) -> None:
    assert code(gateway, provider, open_role, provider.signed(open_role, **said)) == expected


def test_an_authentication_that_failed_is_rejected(gateway: Gateway, provider: Provider) -> None:
    role = provider.role()
    root = provider.response(role)
    root.find(f".//{{{PROTOCOL}}}StatusCode").set("Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")
    assert code(gateway, provider, role, sign(root)) == "IDPRejectedClaim"


def test_an_assertion_makes_one_session_of_each_of_its_roles(gateway: Gateway, provider: Provider) -> None:
    one, two = provider.role(), provider.role()
    both = {f"{OWN}Role": [f"{one},{provider.arn}", f" {provider.arn} , {two} "]}
    root = provider.signed(one, attributes=both)
    assert [code(gateway, provider, role, root) for role in (one, one, two, two)] == ["", INVALID, "", INVALID]


def test_no_other_provider_speaks_for_a_role(gateway: Gateway, provider: Provider) -> None:
    other = Provider(gateway)
    role = provider.role()
    named = {f"{OWN}Role": [f"{role},{other.arn}"]}
    assert code(gateway, other, role, other.signed(role, attributes=named)) == "AccessDenied"
    assert code(gateway, other, role, provider.signed(role)) == INVALID, "signed for another issuer"
    abroad = provider.arn.replace(ACCOUNT, SECOND)
    assert code(gateway, provider, role, provider.signed(role), PrincipalArn=abroad) == INVALID
    gone = provider.role() + "x"
    assert code(gateway, provider, gone, provider.signed(gone)) == "AccessDenied"
    rotated = {"SAMLProviderArn": other.arn, "SAMLMetadataDocument": metadata(other.entity, OTHERS)}
    gateway.iam.update_saml_provider(**rotated)
    mine = other.role()
    assert code(gateway, other, mine, other.signed(mine)) == INVALID, "by a key that it has no longer"
    assert code(gateway, other, mine, sign(other.response(mine), key=OTHER)) == ""
    rotated["SAMLMetadataDocument"] = metadata(other.entity, OTHERS, more=' validUntil="2020-01-01T00:00:00Z"')
    gateway.iam.update_saml_provider(**rotated)
    assert code(gateway, other, mine, sign(other.response(mine), key=OTHER)) == "", "AWS looks at no end of metadata"
    gateway.iam.delete_saml_provider(SAMLProviderArn=other.arn)
    assert code(gateway, other, mine, other.signed(mine)) == INVALID


def test_tags_source_identity_and_duration_of_the_assertion(gateway: Gateway, provider: Provider) -> None:
    asked = {"aws:PrincipalTag/Team": "Blue", "aws:SourceIdentity": "ana", "saml:sub": "ana",
             "aws:FederatedProvider": provider.arn}  # fmt: skip
    role = provider.role(
        statement("Allow", "sqs:ListQueues") | {"Condition": {"StringEquals": asked}},
        actions=["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"],
        StringEquals={"aws:RequestTag/Team": "Blue"},
    )
    said = {f"{OWN}PrincipalTag:Team": ["Blue"], f"{OWN}SourceIdentity": ["ana"], f"{OWN}SessionDuration": ["900"]}
    before = datetime.now(UTC)
    got = assume(gateway, provider, role, provider.signed(role, attributes=said), DurationSeconds=3600)
    assert got["SourceIdentity"] == "ana"
    assert got["Credentials"]["Expiration"] <= before + timedelta(seconds=960)
    assert code_of(gateway.client("sqs", keys_of(got)).list_queues) == ""
    large = said | {f"{OWN}PrincipalTag:k{place}": [value] for place, value in enumerate(LARGE)}
    assert code(gateway, provider, role, provider.signed(role, attributes=large)) == "PackedPolicyTooLarge"
    plain = provider.role(statement("Allow", "sqs:*"))
    got = assume(gateway, provider, plain, provider.signed(plain, session=1000))
    assert got["Credentials"]["Expiration"] <= before + timedelta(seconds=1060)
    assert code(gateway, provider, plain, provider.signed(plain), DurationSeconds=7200) == "ValidationError"
    assert code(gateway, provider, plain, provider.signed(plain), Policy="{") == "MalformedPolicyDocument"


@dataclass(frozen=True)
class Case:
    """A condition key by its name in AWS's reference, in lower case, and the attribute that it comes from."""

    key: str
    attribute: str = ""


CASES = [Case(f"saml:{key}", name) for table in (_LISTS, _SINGLES) for name, key in table.items()]
_FIXED = ("aud", "doc", "iss", "namequalifier", "sub", "sub_type")
CASES += [Case(f"saml:{key}") for key in _FIXED]


def test_attributes_that_are_condition_keys(gateway: Gateway, provider: Provider) -> None:
    """Each alone decides."""
    names = {case.key: case.attribute for case in CASES if case.attribute}
    lists = {f"saml:{key}" for key in _LISTS.values()}
    right = {
        "StringEquals": {key: "right" for key in names if key not in lists},
        "ForAnyValue:StringEquals": dict.fromkeys(lists, "right"),
    }
    role = provider.role(**right)
    said = {name: ["right", "more"] for name in names.values()}
    assert code(gateway, provider, role, provider.signed(role, attributes=said)) == ""
    for name in names.values():
        wrong = provider.signed(role, attributes=said | {name: ["wrong", "others"]})
        assert code(gateway, provider, role, wrong) == "AccessDenied", name


def test_keys_of_the_assertion_itself(gateway: Gateway, provider: Provider) -> None:
    hashed = hashlib.sha1(f"{provider.entity}{ACCOUNT}/{provider.name}".encode()).digest()
    right = {
        "saml:aud": RECIPIENT, "saml:doc": f"{ACCOUNT}/{provider.name}", "saml:iss": provider.entity,
        "saml:namequalifier": base64.b64encode(hashed).decode(), "saml:sub": "ana", "saml:sub_type": "persistent",
    }  # fmt: skip
    assert set(right) == {f"saml:{key}" for key in _FIXED}
    role = provider.role(StringEquals=right)
    assert code(gateway, provider, role, provider.signed(role)) == ""
    for key in right:
        other = provider.role(StringEquals=right | {key: "wrong"})
        assert code(gateway, provider, other, provider.signed(other)) == "AccessDenied", key
