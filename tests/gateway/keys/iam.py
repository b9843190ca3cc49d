"""The keys of IAM and STS, and those of tags in a few further services.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from typing import Any

from gateway.conftest import ACCOUNT

from .world import ANY, ARN, TEAM, Case, Params

CENTER = "arn:aws:iam::aws:contextProvider/IdentityCenter"
TEMPLATE = "arn:aws:iam::aws:role-template/lambda.amazonaws.com/Basic:1"


def assume(**more: Any) -> Params:
    return lambda world: {"RoleArn": world.role["Arn"], "RoleSessionName": "visit", **more}


IAM = [
    Case(
        "iam:PolicyARN", "iam.attach_user_policy",
        lambda world: {"UserName": world.tagged, "PolicyArn": world.boundary},
        lambda world: world.boundary, "arn:aws:iam::aws:policy/AdministratorAccess", ARN,
    ),
    Case(
        "iam:PermissionsBoundary", "iam.create_user",
        lambda world: {"UserName": world.gateway.name("bound"), "PermissionsBoundary": world.boundary},
        lambda world: world.boundary, "arn:aws:iam::aws:policy/AdministratorAccess", ARN,
    ),
    Case(
        "iam:PassedToService", "iam.add_role_to_instance_profile",
        lambda world: {"InstanceProfileName": world.profile, "RoleName": world.role["RoleName"]},
        "ec2.amazonaws.com", "ecs-tasks.amazonaws.com", resource="arn:aws:iam::*:role/*",
    ),
    Case(
        "iam:AssociatedResourceArn", "iam.add_role_to_instance_profile",
        lambda world: {"InstanceProfileName": world.profile, "RoleName": world.role["RoleName"]},
        f"arn:aws:ec2:*:{ACCOUNT}:instance/*", f"arn:aws:ecs:*:{ACCOUNT}:task/*", "ArnLike", "arn:aws:iam::*:role/*",
    ),
    Case(
        "iam:ServiceSpecificCredentialServiceName", "iam.create_service_specific_credential",
        lambda world: {"UserName": world.tagged, "ServiceName": "codecommit.amazonaws.com"},
        "codecommit.amazonaws.com", "cassandra.amazonaws.com",
    ),
    Case(
        "iam:AWSServiceName", "iam.create_service_linked_role", {"AWSServiceName": "dax.amazonaws.com"},
        "dax.amazonaws.com", "ecs.amazonaws.com",
    ),
    Case(
        "iam:OrganizationsPolicyId", "iam.generate_organizations_access_report",
        {"EntityPath": "o-abcdefghij/r-abcd", "OrganizationsPolicyId": "p-FullAWSAccess"},
        "p-FullAWSAccess", "p-abcdefgh",
    ),
    Case("iam:ResourceTag/Team", "iam.get_user", lambda world: {"UserName": world.tagged}, "Blue", "Red"),
    Case("aws:ResourceTag/Team", "iam.get_user", lambda world: {"UserName": world.tagged}, "Blue", "Red"),
    Case(
        "aws:RequestTag/Team", "iam.create_user", lambda world: {"UserName": world.gateway.name("t"), **TEAM},
        "Blue", "Red",
    ),
    Case(
        "aws:RequestTag/Team", "iam.tag_role", lambda world: {"RoleName": world.role["RoleName"], **TEAM}, "Blue",
        "Red",
    ),
    Case(
        "aws:TagKeys", "iam.untag_user", lambda world: {"UserName": world.tagged, "TagKeys": ["Other"]}, "Other",
        "Team", ANY,
    ),
    *(
        Case(key, "sts.get_web_identity_token", {
            "Audience": ["one"], "SigningAlgorithm": "RS256", "DurationSeconds": 60,
        }, right, wrong, operator)
        for key, right, wrong, operator in (
            ("sts:IdentityTokenAudience", "one", "two", ANY),
            ("sts:DurationSeconds", "60", "61", "NumericEquals"),
            ("sts:SigningAlgorithm", "RS256", "ES384", "StringEquals"),
        )
    ),
    Case(
        "iam:AccountPropertyNamespaces", "iam.put_account_properties", {"Properties": {"RoleManager/X": "true"}},
        "RoleManager", "Other", ANY,
    ),
    Case(
        "iam:RoleTemplateARN", "iam.acquire_role", {"TemplateArn": TEMPLATE}, TEMPLATE, f"{TEMPLATE}0", ARN,
    ),
    Case("aws:ResourceAccount", "iam.list_users", {}, ACCOUNT, "210987654321"),
    Case("aws:ResourceAccount", "iam.get_account_summary", {}, ACCOUNT, "210987654321"),
    Case("sts:RoleSessionName", "sts.assume_role", assume(), "visit", "other"),
    Case("sts:ExternalId", "sts.assume_role", assume(ExternalId="deal"), "deal", "other"),
    Case("sts:SourceIdentity", "sts.assume_role", assume(SourceIdentity="ana"), "ana", "bob"),
    Case(
        "sts:RequestContextProviders", "sts.assume_role",
        assume(ProvidedContexts=[{"ProviderArn": CENTER, "ContextAssertion": "eyJhbGciOiJ"}]),
        CENTER, f"{CENTER}s", "ForAnyValue:ArnEquals",
    ),
    Case("sts:TransitiveTagKeys", "sts.assume_role", assume(**TEAM, TransitiveTagKeys=["Team"]), "Team", "Cost", ANY),
    Case("aws:RequestTag/Team", "sts.assume_role", assume(**TEAM), "Blue", "Red"),
    Case("aws:TagKeys", "sts.assume_role", assume(**TEAM), "Team", "Cost", ANY),
    Case("aws:ResourceAccount", "sts.assume_role", assume(), ACCOUNT, "210987654321"),
    Case("aws:RequestTag/Team", "sqs.create_queue", {"QueueName": "keys", "tags": {"Team": "Blue"}}, "Blue", "Red"),
    Case(
        "aws:TagKeys", "sns.untag_resource",
        {"ResourceArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:t", "TagKeys": ["Team"]}, "Team", "Cost", ANY,
    ),
]  # fmt: skip
