"""AWS's managed policies: all there, real, and readable by the policy engine."""

import json
import re

import pytest

from kansatsu.identity import aws_managed
from kansatsu.policy import parse

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def test_all_are_there_and_well_formed() -> None:
    found = aws_managed.all()
    assert len(found) >= 1590
    assert len({info.id for info in found}) == len({info.arn for info in found}) == len(found)
    for info in found:
        assert info.arn == f"arn:aws:iam::aws:policy{info.path}{info.name}"
        assert re.fullmatch("ANPA[A-Z2-7]{17}", info.id)
        assert re.fullmatch("v[1-9][0-9]*", info.version)
        assert 1.2e9 < info.created <= info.updated < 2e9


def test_every_document_is_one_that_the_engine_understands() -> None:
    for info in aws_managed.all():
        text = aws_managed.document(info.arn)
        assert text is not None
        assert parse(text)


def test_a_document_is_AWSs_own() -> None:
    found = aws_managed.get(ADMIN)
    assert found is not None
    assert found.info == aws_managed.info(ADMIN)
    assert found.info.version == "v1"
    assert json.loads(found.document) == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }


@pytest.mark.parametrize(
    "arn", ["", ADMIN.lower(), ADMIN + "X", "arn:aws:iam::123456789012:policy/AdministratorAccess", "' OR 1=1 --"]
)
def test_another_arn_is_none_of_them(arn: str) -> None:
    assert aws_managed.get(arn) is aws_managed.info(arn) is aws_managed.document(arn) is None


@pytest.mark.parametrize(
    "name",
    [
        "AmazonS3ReadOnlyAccess",
        "ReadOnlyAccess",
        "service-role/AmazonECSTaskExecutionRolePolicy",
        "job-function/Billing",
    ],
)
def test_well_known_ones_are_found(name: str) -> None:
    assert aws_managed.get(f"arn:aws:iam::aws:policy/{name}") is not None
