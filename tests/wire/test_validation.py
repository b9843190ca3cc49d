# ruff: noqa: E501 - the sentences are as AWS sends them
"""Constraints in AWS's own sentences."""

from typing import Any

import pytest

from kansatsu import wire
from kansatsu.errors import AwsError
from kansatsu.wire.patterns import compiled

IAM_NAME = "It must contain only alphanumeric characters and/or the following: +=,.@_-"


@pytest.mark.parametrize(
    ("service", "operation", "params", "code", "message"),
    [
        (
            "iam",
            "GetRole",
            {},
            "ValidationError",
            "1 validation error detected: Value null at 'roleName' failed to satisfy constraint: Member must not be null",
        ),
        (
            "iam",
            "CreateUser",
            {"UserName": "a b"},
            "ValidationError",
            f"The specified value for userName is invalid. {IAM_NAME}",
        ),
        (
            "iam",
            "CreateUser",
            {"UserName": "a" * 65},
            "ValidationError",
            f"1 validation error detected: Value '{'a' * 65}' at 'userName' failed to satisfy constraint: "
            "Member must have length less than or equal to 64",
        ),
        (
            "iam",
            "AttachRolePolicy",
            {"RoleName": "", "PolicyArn": "x"},
            "ValidationError",
            "3 validation errors detected: Value '' at 'roleName' failed to satisfy constraint: Member must have length greater "
            "than or equal to 1; Value '' at 'roleName' failed to satisfy constraint: Member must satisfy regular expression "
            r"pattern: [\w+=,.@-]+; Value 'x' at 'policyArn' failed to satisfy constraint: Member must have length greater than "
            "or equal to 20",
        ),
        (
            "iam",
            "TagRole",
            {"RoleName": "r", "Tags": [{"Key": "", "Value": "v"}]},
            "ValidationError",
            "2 validation errors detected: Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length "
            "greater than or equal to 1; Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy "
            r"regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+",
        ),
        (
            "iam",
            "UpdateAccessKey",
            {"AccessKeyId": "A" * 20, "Status": "On"},
            "ValidationError",
            "1 validation error detected: Value 'On' at 'status' failed to satisfy constraint: Member must satisfy enum value "
            "set: [Active, Inactive, Expired]",
        ),
        (
            "iam",
            "ListUsers",
            {"MaxItems": 0},
            "ValidationError",
            "1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater "
            "than or equal to 1",
        ),
        (
            "dynamodb",
            "GetItem",
            {"TableName": "t"},
            "ValidationException",
            "1 validation error detected: Value null at 'key' failed to satisfy constraint: Member must not be null",
        ),
        (
            "ec2",
            "AssociateIamInstanceProfile",
            {"InstanceId": "i-1"},
            "MissingParameter",
            "The request must contain the parameter IamInstanceProfile",
        ),
        (
            "ec2",
            "CreateVolume",
            {"AvailabilityZone": "a", "VolumeType": "fast"},
            "InvalidParameterValue",
            "Invalid value 'fast' for VolumeType.",
        ),
    ],
)
def test_sentences(service: str, operation: str, params: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        wire.validate(wire.load_service(service).operation(operation), params)
    assert (caught.value.code, caught.value.message, caught.value.status) == (code, message, 400)


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("iam", "TagRole", {"RoleName": "r+=,.@-_", "Tags": [{"Key": "Größe 漢字:/=+-@", "Value": ""}]}),
        ("iam", "CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": "{\n\t}", "Description": "é"}),
        ("ec2", "DescribeInstances", {}),
        ("s3", "PutObject", {"Bucket": "b", "Key": "k"}),
    ],
)
def test_valid(service: str, operation: str, params: dict[str, Any]) -> None:
    wire.validate(wire.load_service(service).operation(operation), params)


def test_every_pattern_of_our_services_is_checked() -> None:
    unread = {
        (name, shape["pattern"])
        for name in ("iam", "sts", "ec2", "ecs", "cloudtrail", "organizations", "iam-toolbox")
        for shape in wire.load_service(name).shapes.values()
        if "pattern" in shape and compiled(shape["pattern"]) is None
    }
    assert unread == set()
