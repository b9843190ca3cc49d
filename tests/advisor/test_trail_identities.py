"""userIdentity in the trail: the shapes of AWS's documentation for every caller."""

from typing import Any

import pytest

from called import ACCOUNT, NOW, ROLE, record
from kansatsu.advisor import Bearer, CallRecord, Vouched, trail

SESSION = Bearer("role", "night", NOW - 60, source_identity="ana")
AS_ROLE = {
    "kind": "role", "principal_id": "AROAJ", "name": "job", "entity": ROLE, "access_key_id": "ASIAJ",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/job/night",
}  # fmt: skip
ATTRIBUTES = {"creationDate": "2026-11-05T11:59:00Z", "mfaAuthenticated": "false"}
ISSUER = {"type": "Role", "principalId": "AROAJ", "arn": ROLE, "accountId": ACCOUNT, "userName": "job"}
IDP = f"arn:aws:iam::{ACCOUNT}:oidc-provider/idp.example/Path"
NOBODY: dict[str, Any] = {"kind": "anonymous", "principal_id": "", "name": "anonymous", "arn": "anonymous",
                          "access_key_id": "", "service": "sts"}  # fmt: skip
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
IDENTITIES: list[tuple[str, CallRecord, dict[str, Any]]] = [
    (
        "a user",
        record(),
        {
            "type": "IAMUser", "principalId": "AIDAA", "arn": f"arn:aws:iam::{ACCOUNT}:user/ana", "accountId": ACCOUNT,
            "accessKeyId": "AKIAA", "userName": "ana",
        },
    ),
    (
        "a user with temporary credentials",
        record(access_key_id="ASIAA", session=Bearer("user", "", NOW - 60, mfa=True)),
        {
            "type": "IAMUser", "principalId": "AIDAA", "arn": f"arn:aws:iam::{ACCOUNT}:user/ana", "accountId": ACCOUNT,
            "accessKeyId": "ASIAA", "userName": "ana",
            "sessionContext": {"attributes": {**ATTRIBUTES, "mfaAuthenticated": "true"}},
        },
    ),
    (
        "a role",
        record(**AS_ROLE, session=SESSION),
        {
            "type": "AssumedRole", "principalId": "AROAJ:night", "arn": AS_ROLE["arn"], "accountId": ACCOUNT,
            "accessKeyId": "ASIAJ",
            "sessionContext": {
                "sessionIssuer": ISSUER,
                "attributes": ATTRIBUTES,
                "sourceIdentity": "ana",
            },
        },
    ),
    (
        "the role of an instance",
        record(**AS_ROLE, session=Bearer("role", "i-1", NOW - 60, delivery="2.0")),
        {
            "type": "AssumedRole", "principalId": "AROAJ:i-1", "arn": AS_ROLE["arn"], "accountId": ACCOUNT,
            "accessKeyId": "ASIAJ",
            "sessionContext": {
                "sessionIssuer": ISSUER,
                "attributes": ATTRIBUTES,
                "ec2RoleDelivery": "2.0",
            },
        },
    ),
    (
        "a federated user",
        record(
            kind="federated", access_key_id="ASIAF", arn=f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
            session=Bearer("federated", "bob", NOW - 60),
        ),
        {
            "type": "FederatedUser", "principalId": f"{ACCOUNT}:bob",
            "arn": f"arn:aws:sts::{ACCOUNT}:federated-user/bob", "accountId": ACCOUNT, "accessKeyId": "ASIAF",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "IAMUser", "principalId": "AIDAA", "arn": f"arn:aws:iam::{ACCOUNT}:user/ana",
                    "accountId": ACCOUNT, "userName": "ana",
                },
                "attributes": ATTRIBUTES,
            },
        },
    ),
    (
        "root",
        record(kind="root", principal_id="", name="", arn=f"arn:aws:iam::{ACCOUNT}:root"),
        {
            "type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT,
            "accessKeyId": "AKIAA",
        },
    ),
    (
        "who came with a token",
        record(**NOBODY, operation="AssumeRoleWithWebIdentity", vouched=Vouched(IDP, "app", "ana")),
        {
            "type": "WebIdentityUser", "principalId": f"{IDP}:app:ana", "userName": "ana", "identityProvider": IDP,
        },
    ),
    (
        "who came with an assertion",
        record(**NOBODY, operation="AssumeRoleWithSAML", vouched=Vouched("bdGOn=", "", "ana")),
        {"type": "SAMLUser", "principalId": "bdGOn=:ana", "userName": "ana", "identityProvider": "bdGOn="},
    ),
    (
        "the session of who came with a token",
        record(
            **AS_ROLE, session=Bearer("role", "night", NOW - 60),
            context={
                "aws:federatedprovider": IDP, "idp.example/path:aud": "app", "idp.example/path:sub": "ana",
                "idp.example/path:amr": ("authenticated",),
            },
        ),
        {
            "type": "AssumedRole", "principalId": "AROAJ:night", "arn": AS_ROLE["arn"], "accountId": ACCOUNT,
            "accessKeyId": "ASIAJ",
            "sessionContext": {
                "sessionIssuer": ISSUER,
                "webIdFederationData": {
                    "federatedProvider": IDP,
                    "attributes": {"idp.example/path:aud": "app", "idp.example/path:sub": "ana"},
                },
                "attributes": ATTRIBUTES,
            },
        },
    ),
    (
        "the session of who came with an assertion",
        record(
            **AS_ROLE, session=Bearer("role", "night", NOW - 60),
            context={"aws:federatedprovider": f"arn:aws:iam::{ACCOUNT}:saml-provider/corp", "saml:sub": "ana"},
        ),
        {
            "type": "AssumedRole", "principalId": "AROAJ:night", "arn": AS_ROLE["arn"], "accountId": ACCOUNT,
            "accessKeyId": "ASIAJ",
            "sessionContext": {
                "sessionIssuer": ISSUER,
                "attributes": ATTRIBUTES,
            },
        },
    ),
    (
        "a service that gives a workload its role",
        record(
            kind="service", principal_id="", name="", arn="ec2.amazonaws.com", access_key_id="", service="sts",
            operation="AssumeRole", via="ec2.amazonaws.com",
        ),
        {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"},
    ),
    (
        "nobody",
        record(kind="anonymous", principal_id="", name="anonymous", arn="anonymous"),
        {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("of", "made", "identity"), IDENTITIES, ids=[name for name, *_ in IDENTITIES])
def test_every_kind_of_caller_has_the_identity_of_the_documentation(
    of: str, made: CallRecord, identity: dict[str, Any]
) -> None:
    assert trail.event(made, ACCOUNT)["userIdentity"] == identity, of
