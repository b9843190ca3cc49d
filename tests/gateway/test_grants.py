"""Grants of KMS keys: to their constraints letter by letter, and retired by whom they name alone.

https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
"""

from typing import Any

import pytest

from .conftest import ACCOUNT, Gateway
from .raw import Keys
from .test_resource_policies import refused


def arn(keys: Keys) -> str:
    return f"arn:aws:iam::{ACCOUNT}:user/{keys.name}"


@pytest.fixture(name="key")
def a_key(gateway: Gateway) -> str:
    return str(gateway.client("kms").create_key()["KeyMetadata"]["Arn"])


@pytest.mark.parametrize("kind", ["EncryptionContextSubset", "EncryptionContextEquals"])
@pytest.mark.parametrize("constraint", [{"app": "shop"}, {"App": "shop"}, {"App": "shop", "env": "prod"}])
def test_a_constraint_tells_upper_from_lower_case(
    gateway: Gateway, key: str, kind: str, constraint: dict[str, str]
) -> None:
    """The attack: the encryption context of another, whose name has other letters."""
    grantee = gateway.user()
    kms = gateway.client("kms", grantee)
    constraints = {kind: constraint}
    gateway.client("kms").create_grant(
        KeyId=key, GranteePrincipal=arn(grantee), Operations=["Encrypt"], Constraints=constraints
    )
    kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=constraint)
    swapped = {name.swapcase(): value for name, value in constraint.items()}
    first = next(iter(constraint))
    attacks: list[dict[str, str]] = [
        {},
        swapped,
        {**constraint, first: "bank"},
        {**constraint, first: "bank", first.swapcase(): "shop"},
        {**constraint, first.upper(): "bank"},
    ]
    for context in attacks:
        refused(lambda context=context: kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context))
    more = {**constraint, "other": "o"}
    if kind == "EncryptionContextSubset":
        kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=more)
    else:
        refused(lambda: kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=more))


@pytest.mark.parametrize("by", ["retiring principal", "grantee"])
def test_a_grant_is_retired_by_whom_it_names_and_no_other_is(gateway: Gateway, key: str, by: str) -> None:
    admin, one, other = gateway.client("kms"), gateway.user(), gateway.user()
    kms = gateway.client("kms", one)

    def grant(**more: Any) -> str:
        given = {"KeyId": key, "GranteePrincipal": arn(other), "Operations": ["Encrypt"], **more}
        return str(admin.create_grant(**given)["GrantId"])

    named: dict[str, Any] = {
        "retiring principal": {"RetiringPrincipal": arn(one)},
        "grantee": {"GranteePrincipal": arn(one), "Operations": ["Encrypt", "RetireGrant"]},
    }[by]
    own, another = grant(**named), grant()
    refused(lambda: kms.retire_grant(KeyId=key, GrantId=another))
    refused(lambda: gateway.client("kms", other).retire_grant(KeyId=key, GrantId=own))
    kms.retire_grant(KeyId=key, GrantId=own)
    assert [held["GrantId"] for held in admin.list_grants(KeyId=key)["Grants"]] == [another]
    assert admin.list_retirable_grants(RetiringPrincipal=arn(one))["Grants"] == []
