"""AssumeRoleWithWebIdentity with real tokens: who bears one becomes the role that trusts its issuer, and nobody else.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

import base64
import functools
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from joserfc import jws
from joserfc.jwk import ECKey, KeySet, RSAKey

from kansatsu.identity.credentials import Credential
from kansatsu.services.sts.web_identity import CLAIMS_OF, Shown

from . import raw
from .conftest import ACCOUNT, SECOND, Gateway
from .raw import LARGE, Keys, statement
from .test_tags import code_of

AUDIENCE = "sts.amazonaws.com"
RSA = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
CURVE = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
STRANGER = RSAKey.generate_key(2048, {"kid": "one"})
GITHUB = "token.actions.githubusercontent.com"


class Issuer:
    """An identity provider: its URL, its keys in a file, and a provider for it in the account."""

    def __init__(self, gateway: Gateway, directory: Path, name: str) -> None:
        self.gateway, self.name = gateway, name
        keys = directory / f"{gateway.name('keys')}.json"
        keys.write_text(json.dumps(KeySet([RSA, CURVE]).as_dict(private=False)))
        gateway.key_sources[f"https://{name}"] = str(keys)
        made = gateway.iam.create_open_id_connect_provider(Url=f"https://{name}", ClientIDList=[AUDIENCE])
        self.arn = made["OpenIDConnectProviderArn"]

    def token(self, key: Any = RSA, algorithm: str = "RS256", **claims: Any) -> str:
        now = int(time.time())
        given = {"iss": f"https://{self.name}", "aud": AUDIENCE, "sub": "ana", "iat": now, "exp": now + 600, **claims}
        kept = {name: value for name, value in given.items() if value is not None}
        head = {"alg": algorithm, "kid": key.kid}
        return str(jws.serialize_compact(head, json.dumps(kept).encode(), key, algorithms=[algorithm]))

    def role(self, *statements: dict[str, Any], actions: str | list[str] = "", **condition: Any) -> dict[str, Any]:
        trust: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"Federated": self.arn},
            "Action": actions or "sts:AssumeRoleWithWebIdentity",
        }
        if condition:
            trust["Condition"] = {
                operator: {
                    f"{self.name}:{claim}" if ":" not in claim else claim: value for claim, value in keys.items()
                }
                for operator, keys in condition.items()
            }
        return self.gateway.role(*statements, trust=trust)


@pytest.fixture
def issuer(gateway: Gateway, tmp_path: Path) -> Issuer:
    return Issuer(gateway, tmp_path, f"{gateway.name('idp')}.example")


@functools.cache
def unsigning(gateway: Gateway) -> Any:
    """A client as an SDK makes it without any credentials; one for all, because making it is most of a test."""
    return gateway.client("sts", signature_version=UNSIGNED)


def assume(gateway: Gateway, role: str, token: str, **more: Any) -> Any:
    params = {"RoleArn": role, "RoleSessionName": "session", "WebIdentityToken": token, **more}
    return unsigning(gateway).assume_role_with_web_identity(**params)


def code(gateway: Gateway, role: str, token: str, **more: Any) -> str:
    try:
        assume(gateway, role, token, **more)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def keys_of(got: Any) -> Keys:
    credentials = got["Credentials"]
    return Keys(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "ES256"])
def test_a_bearer_becomes_the_role(gateway: Gateway, issuer: Issuer, algorithm: str) -> None:
    key = CURVE if algorithm == "ES256" else RSA
    role = issuer.role(statement("Allow", "sqs:ListQueues"), StringEquals={"sub": "ana", "aud": AUDIENCE})
    got = assume(gateway, role["Arn"], issuer.token(key, algorithm), DurationSeconds=900)
    assert (got["SubjectFromWebIdentityToken"], got["Provider"], got["Audience"]) == ("ana", issuer.arn, AUDIENCE)
    session = keys_of(got)
    arn = gateway.client("sts", session).get_caller_identity()["Arn"]
    assert arn == got["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role['RoleName']}/session"
    assert code_of(gateway.client("sqs", session).list_queues) == ""
    assert code_of(gateway.client("sqs", session).create_queue, QueueName="q") == "AccessDenied"


def unsigned(issuer: Issuer) -> str:
    head, body, _ = issuer.token().split(".")
    return f"{head}.{body}."


def without_algorithm(issuer: Issuer) -> str:
    head = _encoded(b'{"alg":"none"}')
    return f"{head}.{issuer.token().split('.')[1]}."


def signed_with_the_public_key(issuer: Issuer) -> str:
    """The classic: the public key, which everybody knows, taken for a shared secret."""
    body = issuer.token().split(".")[1]
    head = _encoded(b'{"alg":"HS256","kid":"one"}')
    signature = hmac.digest(RSA.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# What an attacker shows -> what he is told. INVARIANT: none of it lets anybody in.
ATTACKS: dict[str, tuple[Callable[[Issuer], str], str]] = {
    "no token": (lambda _: "not.a.token.at.all.", "InvalidIdentityToken"),
    "text": (lambda _: "hello-hello", "InvalidIdentityToken"),
    "another's key": (lambda issuer: issuer.token(STRANGER), "InvalidIdentityToken"),
    "no signature": (unsigned, "InvalidIdentityToken"),
    "no algorithm": (without_algorithm, "InvalidIdentityToken"),
    "the public key as a secret": (signed_with_the_public_key, "InvalidIdentityToken"),
    "another audience": (lambda issuer: issuer.token(aud="other"), "InvalidIdentityToken"),
    "another authorized party": (lambda issuer: issuer.token(azp="other"), "InvalidIdentityToken"),
    "another issuer": (lambda issuer: issuer.token(iss="https://evil.example"), "InvalidIdentityToken"),
    "the issuer without TLS": (lambda issuer: issuer.token(iss=f"http://{issuer.name}"), "InvalidIdentityToken"),
    "no subject": (lambda issuer: issuer.token(sub=None), "InvalidIdentityToken"),
    "no end": (lambda issuer: issuer.token(exp=None), "InvalidIdentityToken"),
    "after its end": (lambda issuer: issuer.token(exp=int(time.time()) - 1), "ExpiredTokenException"),
    "before its time": (lambda issuer: issuer.token(nbf=int(time.time()) + 3600), "InvalidIdentityToken"),
    "a number that is none as its end": (lambda issuer: issuer.token(exp=float("nan")), "InvalidIdentityToken"),
    "no end at all": (lambda issuer: issuer.token(exp=float("inf")), "InvalidIdentityToken"),
    "an end before all": (lambda issuer: issuer.token(exp=float("-inf")), "InvalidIdentityToken"),
    "a text as its end": (lambda issuer: issuer.token(exp="tomorrow"), "InvalidIdentityToken"),
    "no beginning": (lambda issuer: issuer.token(iat=None), "InvalidIdentityToken"),
    "half a character": (lambda issuer: issuer.token(sub="\ud800"), "InvalidIdentityToken"),
    "an empty subject": (lambda issuer: issuer.token(sub=""), "InvalidIdentityToken"),
    "a list of authorized parties": (lambda issuer: issuer.token(azp=[AUDIENCE]), "InvalidIdentityToken"),
    "depth": (lambda _: f"{_encoded(b'{}')}.{_encoded(b'[' * 9000)}.x", "InvalidIdentityToken"),
    "another subject": (lambda issuer: issuer.token(sub="eve"), "AccessDenied"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_who_is_not_let_in(gateway: Gateway, issuer: Issuer, attack: str) -> None:
    token, expected = ATTACKS[attack]
    role = issuer.role(StringEquals={"sub": "ana"})
    assert code(gateway, role["Arn"], token(issuer)) == expected
    assert code(gateway, role["Arn"], issuer.token()) == ""


def test_a_role_is_no_other_than_it_trusts(gateway: Gateway, issuer: Issuer, tmp_path: Path) -> None:
    other = Issuer(gateway, tmp_path, f"{gateway.name('idp')}.example")
    mine = issuer.role()
    assert code(gateway, mine["Arn"], other.token()) == "AccessDenied"
    assert code(gateway, mine["Arn"] + "x", issuer.token()) == "AccessDenied", "no role is as one that does not trust"
    assert code(gateway, gateway.common_role["Arn"], issuer.token()) == "AccessDenied"
    abroad = f"arn:aws:iam::{SECOND}:role/r"
    assert code(gateway, abroad, issuer.token()) == "InvalidIdentityToken", "the provider is of another account"
    gateway.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=issuer.arn)
    assert code(gateway, mine["Arn"], issuer.token()) == "InvalidIdentityToken"


def test_claims_of_github_and_kubernetes(gateway: Gateway, tmp_path: Path) -> None:
    """https://docs.github.com/en/actions/concepts/security/openid-connect, and a projected service account token."""
    github = Issuer(gateway, tmp_path, GITHUB)
    repository = "octo-org/octo-repo"
    role = github.role(
        StringLike={"sub": f"repo:{repository}:ref:refs/heads/*"}, StringEquals={"repository": repository}
    )
    claims = {"sub": f"repo:{repository}:ref:refs/heads/main", "repository": repository, "actor": "octocat"}
    assert code(gateway, role["Arn"], github.token(**claims)) == ""
    for other in ({"repository": "evil/fork"}, {"sub": "repo:evil/fork:ref:refs/heads/main"}):
        assert code(gateway, role["Arn"], github.token(**claims | other)) == "AccessDenied"
    cluster = Issuer(gateway, tmp_path, f"{gateway.name('oidc')}.example/id/0123456789ABCDEF")
    account = "system:serviceaccount:default:app"
    role = cluster.role(StringEquals={"sub": account})
    pod = {"namespace": "default", "serviceaccount": {"name": "app", "uid": "x"}}
    assert code(gateway, role["Arn"], cluster.token(sub=account, aud=[AUDIENCE], **{"kubernetes.io": pod})) == ""
    assert code(gateway, role["Arn"], cluster.token(sub="system:serviceaccount:other:app")) == "AccessDenied"
    gateway.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=github.arn)


@dataclass(frozen=True)
class Case:
    """A condition key by its name in AWS's reference, and a provider that has it."""

    key: str
    provider: str
    claim: str


_PROVIDERS = {
    "token.actions.githubusercontent.com": "token.actions.githubusercontent.com",
    "token.actions.githubusercontent.com/${SubPath}": "token.actions.githubusercontent.com/octo-enterprise",
    "token.actions.${Domain}.ghe.com": "token.actions.octo.ghe.com",
    "github.com/enterprises/${EnterpriseName}": "github.com/enterprises/octo",
    "gitlab.com": "gitlab.com",
    "agent.buildkite.com": "agent.buildkite.com",
    "agent.${Domain}.buildkite.dev": "agent.octo.buildkite.dev",
    "agent.${Domain}.buildkite.site": "agent.octo.buildkite.site",
    "oidc.circleci.com/org/${OrgId}": "oidc.circleci.com/org/octo",
    "idcs-${OciUniqueIdentifier}.identity.oraclecloud.com": "idcs-0123.identity.oraclecloud.com",
}
CASES = [
    Case(f"{name}:{claim}", provider, claim)
    for name, provider in _PROVIDERS.items()
    for pattern, claims in CLAIMS_OF.items()
    if pattern.fullmatch(provider)
    for claim in claims
] + [Case("aws:FederatedProvider", "", "")]


@pytest.mark.parametrize("provider", _PROVIDERS.values())
def test_claims_that_are_condition_keys(gateway: Gateway, tmp_path: Path, provider: str) -> None:
    """Each alone decides; a claim that is no key on AWS is none here."""
    issuer = Issuer(gateway, tmp_path, provider)
    claims = [case.claim for case in CASES if case.provider == provider]
    right = dict.fromkeys(claims, "right")
    role = issuer.role(StringEquals=right | {"sub": "ana"})
    assert code(gateway, role["Arn"], issuer.token(**right)) == ""
    for claim in claims:
        assert code(gateway, role["Arn"], issuer.token(**right | {claim: "wrong"})) == "AccessDenied"
    strange = issuer.role(StringEquals={"hosted_domain": "right", "sub": "ana"})
    assert code(gateway, strange["Arn"], issuer.token(hosted_domain="right")) == "AccessDenied"
    gateway.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=issuer.arn)


SUB = f"{GITHUB}:sub"
BRANCH = "repo:octo-org/octo-repo:ref:refs/heads/main"


@pytest.mark.parametrize(
    ("provider", "condition", "taken"),
    [
        (GITHUB, {"StringEquals": {SUB: BRANCH}}, True),
        (GITHUB, {"StringLike": {SUB.upper(): "repo:octo-org/*"}}, True),
        (GITHUB, {"ForAnyValue:StringLike": {SUB: "repo:octo-org/*"}}, True),
        (GITHUB, {}, False),
        (GITHUB, {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}}, False),
        (GITHUB, {"StringEquals": {f"{GITHUB}:repository": "octo-org/octo-repo"}}, False),
        # What is true without the claim, or whatever it says, evaluates nothing.
        (GITHUB, {"StringEqualsIfExists": {SUB: BRANCH}}, False),
        (GITHUB, {"StringNotEquals": {SUB: BRANCH}}, False),
        (GITHUB, {"ForAllValues:StringLike": {SUB: "repo:octo-org/*"}}, False),
        (GITHUB, {"Null": {SUB: "false"}}, False),
        (GITHUB, {"StringLike": {SUB: ["repo:octo-org/*", "*"]}}, False),
        ("oidc.vercel.com", {"StringEquals": {"oidc.vercel.com:aud": "https://vercel.com/octo"}}, True),
        ("oidc.vercel.com", {"StringEquals": {"oidc.vercel.com:sub": "owner:octo"}}, False),
        # One organization's own.
        (f"{GITHUB}/octo-enterprise", {}, True),
        ("idp.example", {}, True),
    ],
)
def test_a_provider_that_many_share_is_trusted_for_a_subject_alone(
    gateway: Gateway, provider: str, condition: dict[str, Any], taken: bool
) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html"""
    name, arn = gateway.name("role"), f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider}"
    trust = {"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity"}
    document = raw.document(trust | ({"Condition": condition} if condition else {}))
    expected = "" if taken else "MalformedPolicyDocument"
    assert code_of(gateway.iam.create_role, RoleName=name, AssumeRolePolicyDocument=document) == expected
    other = gateway.role()["RoleName"]
    assert code_of(gateway.iam.update_assume_role_policy, RoleName=other, PolicyDocument=document) == expected
    deny = raw.document(trust | {"Effect": "Deny"})
    assert code_of(gateway.iam.update_assume_role_policy, RoleName=other, PolicyDocument=deny) == ""


@pytest.mark.parametrize(
    ("provider", "claims", "keys"),
    [
        ("accounts.google.com", {"aud": "app", "azp": "phone"}, {"aud": "phone", "oaud": "app", "sub": "ana"}),
        ("accounts.google.com", {"aud": "app"}, {"aud": "app", "oaud": "app", "sub": "ana"}),
        # A claim of that name says nothing, and of other providers the key is not documented.
        ("accounts.google.com", {"aud": "app", "oaud": "evil"}, {"aud": "app", "oaud": "app", "sub": "ana"}),
        ("idp.example", {"aud": "app", "azp": "phone", "oaud": "evil"}, {"aud": "phone", "sub": "ana"}),
    ],
)
def test_oaud_is_the_audience_of_googles_tokens(provider: str, claims: dict[str, str], keys: dict[str, str]) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif"""
    known = Credential(f"p-{provider}", ACCOUNT, "oidc", "", provider, "Active", 0.0)
    shown = Shown(known, claims.get("azp", claims["aud"]), {"sub": "ana", **claims})
    assert shown.context() == {f"{provider}:{claim}": value for claim, value in keys.items()}


def test_the_session_is_asked_for_its_provider_and_subject(gateway: Gateway, issuer: Issuer) -> None:
    keys = {"aws:FederatedProvider": issuer.arn, f"{issuer.name}:sub": "ana"}
    role = issuer.role(statement("Allow", "sqs:ListQueues") | {"Condition": {"StringEquals": keys}})
    for subject, expected in (("ana", ""), ("bob", "AccessDenied")):
        session = keys_of(assume(gateway, role["Arn"], issuer.token(sub=subject)))
        assert code_of(gateway.client("sqs", session).list_queues) == expected


_TAGS = "https://aws.amazon.com/tags"


@pytest.mark.parametrize(
    "tags",
    [
        {_TAGS: {"principal_tags": {"team": ["blue"]}, "transitive_tag_keys": ["team"]}},
        {f"{_TAGS}/principal_tags/team": "blue", f"{_TAGS}/transitive_tag_keys": ["team"]},
        {f"{_TAGS}/principal_tags/team": ["blue"], f"{_TAGS}/transitive_tag_keys": "team"},
    ],
    ids=["nested", "flat", "flat lists"],
)
def test_tags_and_source_identity_of_the_token_need_the_trust_policy(
    gateway: Gateway, issuer: Issuer, tags: dict[str, Any]
) -> None:
    tagged = {**tags, "https://aws.amazon.com/source_identity": "ana"}
    plain = issuer.role()
    assert code(gateway, plain["Arn"], issuer.token(**tagged)) == "AccessDenied"
    asked = {"StringEquals": {"aws:PrincipalTag/team": "blue", "aws:SourceIdentity": "ana"}}
    role = issuer.role(
        statement("Allow", "sqs:ListQueues") | {"Condition": asked},
        actions=["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"],
    )
    got = assume(gateway, role["Arn"], issuer.token(**tagged))
    assert got["SourceIdentity"] == "ana"
    assert code_of(gateway.client("sqs", keys_of(got)).list_queues) == ""


_LASTING = "https://aws.amazon.com/source_identity"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({_LASTING: ["bob"]}, "InvalidIdentityToken"),
        ({_LASTING: "b o"}, "ValidationError"),
        ({_LASTING: "b" * 500}, "ValidationError"),
        ({_LASTING: "b"}, "ValidationError"),
        ({_LASTING: "aws:x"}, "ValidationError"),
        ({_TAGS: {"principal_tags": {"": ["v"]}}}, "ValidationError"),
        ({_TAGS: {"principal_tags": {f"k{place}": [one] for place, one in enumerate(LARGE)}}}, "PackedPolicyTooLarge"),
        ({_TAGS: {"principal_tags": {"k" * 200: ["v"]}}}, "ValidationError"),
        ({_TAGS: {"principal_tags": {"k": ["v" * 300]}}}, "ValidationError"),
        ({_TAGS: {"principal_tags": {"k": ["v\0"]}}}, "ValidationError"),
        ({_TAGS: {"principal_tags": {"k": "value"}}}, "InvalidIdentityToken"),
        ({_TAGS: {"principal_tags": {"k": ["a", "b"]}}}, "InvalidIdentityToken"),
        ({_TAGS: {"principal_tags": {"k": ["v"]}, "transitive_tag_keys": "k"}}, "InvalidIdentityToken"),
        ({_TAGS: ["k"]}, "InvalidIdentityToken"),
        ({_TAGS: {"transitive_tag_keys": [7]}}, "InvalidIdentityToken"),
        ({f"{_TAGS}/principal_tags/team": ["a", "b"]}, "InvalidIdentityToken"),
        ({f"{_TAGS}/principal_tags/team": 7}, "InvalidIdentityToken"),
        ({f"{_TAGS}/principal_tags/team": "x" * 300}, "ValidationError"),
        ({f"{_TAGS}/transitive_tag_keys": ["team"]}, "ValidationError"),
        ({f"{_TAGS}/transitive_tag_keys": {"team": 1}}, "InvalidIdentityToken"),
        ({f"{_TAGS}/principal_tags/k": "v", _TAGS: {"principal_tags": {"K": ["w"]}}}, "ValidationError"),
    ],
    ids=str,
)
def test_a_token_passes_no_more_than_a_request_could(
    gateway: Gateway, issuer: Issuer, claims: dict[str, Any], expected: str
) -> None:
    role = issuer.role(actions=["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"])
    assert code(gateway, role["Arn"], issuer.token(**claims)) == expected


def test_session_policies_and_durations_are_as_with_any_role(gateway: Gateway, issuer: Issuer) -> None:
    role = issuer.role(statement("Allow", "sqs:*"))
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement("Allow", "sqs:CreateQueue")})
    session = keys_of(assume(gateway, role["Arn"], issuer.token(), Policy=policy))
    assert code_of(gateway.client("sqs", session).list_queues) == "AccessDenied"
    assert code(gateway, role["Arn"], issuer.token(), DurationSeconds=7200) == "ValidationError"
    assert code(gateway, role["Arn"], issuer.token(), Policy="{") == "MalformedPolicyDocument"


def test_it_is_on_record_where_the_role_is(gateway: Gateway, issuer: Issuer) -> None:
    """However many others fail at the same moment."""
    role = issuer.role()
    for _ in range(12):
        assert code(gateway, role["Arn"], issuer.token(STRANGER)) == "InvalidIdentityToken"
    assume(gateway, role["Arn"], issuer.token())
    found = [event for event in gateway.recorder.recent(200) if (event.service, event.resource) == ("sts", role["Arn"])]
    told = (ACCOUNT, "AssumeRoleWithWebIdentity")
    assert {(event.account, event.action) for event in found} == {told}
    assert [event.error for event in found if not event.error] == [""]
