"""Denials that an import is not a way around, on more than one thing at a time."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import Gateway
from .raw import Keys, statement
from .test_import import NEEDED, Account, details
from .test_import_limits import mark


@pytest.fixture
def account(gateway: Gateway) -> Account:
    return Account(gateway)


@pytest.mark.parametrize(
    ("condition", "tags"),
    [
        ({"StringEquals": {"aws:RequestTag/env": "prod", "aws:RequestTag/team": "ops"}}, ("prod", "ops")),
        ({"StringEquals": {"aws:RequestTag/env": "prod"}, "Null": {"aws:RequestTag/team": "true"}}, ("prod", "")),
    ],
)
def test_attack_a_denial_on_two_things_at_once(
    gateway: Gateway, account: Account, condition: dict[str, Any], tags: tuple[str, str]
) -> None:
    """INVARIANT: what one user has is asked about together, in whatever company of others it comes."""
    own = raw.document(NEEDED, statement("Deny", "iam:CreateUser") | {"Condition": condition})
    account.iam.create_user(UserName="sly")
    account.iam.put_user_policy(UserName="sly", PolicyName="p", PolicyDocument=own)
    key = account.iam.create_access_key(UserName="sly")["AccessKey"]
    control = gateway.client("kansatsu", Keys(key["AccessKeyId"], key["SecretAccessKey"]))
    its = mark()
    made = details(account.id, its)
    [ana] = made["UserDetailList"]
    cover = [("dev", "ops"), ("prod", "sec"), ("test", "web")]

    def having(number: int, values: tuple[str, str]) -> dict[str, Any]:
        held = [{"Key": key, "Value": value} for key, value in zip(("env", "team"), values, strict=True) if value]
        new = {"UserName": f"u{number}", "UserId": f"AIDA{its}OTHER000000{number}", "Tags": held}
        return {**ana, **new, "Arn": ana["Arn"].replace("ana", f"u{number}")}

    made["UserDetailList"] = [ana, *(having(number, values) for number, values in enumerate([*cover, tags]))]
    with pytest.raises(ClientError, match="AccessDenied"):
        control.import_account(Document=json.dumps(made), IntoEmpty=False)
    del made["UserDetailList"][-1]
    assert control.import_account(Document=json.dumps(made), IntoEmpty=False)["Users"] == 1 + len(cover)
