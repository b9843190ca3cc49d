"""Every condition key that a request's parameters or its signature supply, by a real request: right, wrong, absent.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
The cases are in `keys`, by service. Keys of the caller and of the connection are in test_context.py, those of our own
instances in tests/services/test_ec2_keys.py, those that the backend is asked for in test_property_keys.py.
"""

from typing import Any

import pytest

from .conftest import Gateway
from .keys.dynamodb import DYNAMODB
from .keys.ec2 import EC2, VOLUME
from .keys.ec2_ids import IDS
from .keys.ec2_nested import NESTED
from .keys.iam import IAM
from .keys.kms import KMS, PLAIN
from .keys.s3 import BODY, OBJECT, S3
from .keys.world import REFUSED, Case, World

CASES = [*S3, *KMS, *EC2, *IDS, *NESTED, *DYNAMODB, *IAM]


@pytest.fixture(scope="module")
def world(gateway: Gateway) -> World:
    return World(gateway)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_key_decides(world: World, case: Case) -> None:
    world.allow(*case.statements(world, case.wrong))
    assert case.code(world) in REFUSED, f"{case.key} with another value"
    world.allow(*case.statements(world, case.right))
    assert case.code(world) not in REFUSED, f"{case.key} with its value"


ABSENT = [
    ("s3:signatureAge", "s3.get_object", OBJECT),
    ("s3:object-lock-remaining-retention-days", "s3.put_object", BODY),
    ("s3:TlsVersion", "s3.get_object", OBJECT),
    ("kms:CallerAccount", "kms.list_keys", {}),
    ("kms:EncryptionContextKeys", "kms.encrypt", PLAIN),
    ("kms:ViaService", "kms.encrypt", PLAIN),
    ("kms:RequestAlias", "kms.encrypt", PLAIN),
    ("kms:BypassPolicyLockoutSafetyCheck", "kms.create_key", {}),
    ("aws:TagKeys", "kms.create_key", {}),
    ("ec2:CreateAction", "ec2.create_volume", VOLUME),
    ("ec2:VpcID", "ec2.create_vpc", {"CidrBlock": "10.0.0.0/16"}),
    ("aws:CalledVia", "s3.get_object", OBJECT),
    ("aws:SourceAccount", "s3.get_object", OBJECT),
]


@pytest.mark.parametrize(("key", "operation", "params"), ABSENT, ids=[f"{key}-{name}" for key, name, _ in ABSENT])
def test_a_key_that_does_not_apply_is_absent(world: World, key: str, operation: str, params: dict[str, Any]) -> None:
    for null, refused in (("false", True), ("true", False)):
        case = Case(key, operation, params, null, null, "Null")
        world.allow(*case.statements(world, null))
        assert (case.code(world) in REFUSED) is refused
