"""AllowUsersToChangePassword: the account's rule grants what a user's own policies do not, and no more than that.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_enable-user-change.html
"""

from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Gateway
from .raw import Keys, document, statement
from .test_tags import code_of

OLD, NEW = "Before-123456", "After-1234567"


@pytest.fixture
def iam(gateway: Gateway) -> Iterator[Any]:
    """The administrator of the second account, whose rule no other test has."""
    client = gateway.client("iam", gateway.stranger)
    yield client
    client.delete_account_password_policy()


def changes(gateway: Gateway, iam: Any, *statements: dict[str, Any], **create: Any) -> str:
    """The code that a new user with this policy and a password gets who changes it; "" when it is changed."""
    name = gateway.name("own-password")
    iam.create_user(UserName=name, **create)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document(*statements))
    iam.create_login_profile(UserName=name, Password=OLD)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    own = gateway.client("iam", Keys(key["AccessKeyId"], key["SecretAccessKey"], name=name))
    assert code_of(own.get_login_profile, UserName=name) == "AccessDenied", "nothing else is granted"
    return code_of(own.change_password, OldPassword=OLD, NewPassword=NEW)


def test_the_rule_grants_a_user_its_own_password_and_no_more(gateway: Gateway, iam: Any) -> None:
    for rule, expected in ((False, "AccessDenied"), (True, ""), (False, "AccessDenied")):
        iam.update_account_password_policy(AllowUsersToChangePassword=rule)
        assert changes(gateway, iam) == expected
    iam.update_account_password_policy(AllowUsersToChangePassword=True)
    assert changes(gateway, iam, statement("Deny", "iam:ChangePassword")) == "AccessDenied"
    bound = iam.create_policy(PolicyName=gateway.name("no-iam"), PolicyDocument=document(statement("Allow", "s3:*")))[
        "Policy"
    ]["Arn"]
    assert changes(gateway, iam, PermissionsBoundary=bound) == "AccessDenied", "a boundary bounds it, too"


def test_it_is_the_rule_of_one_account(gateway: Gateway, iam: Any) -> None:
    iam.update_account_password_policy(AllowUsersToChangePassword=True)
    user = gateway.user()
    gateway.iam.create_login_profile(UserName=user.name, Password=OLD)
    own = gateway.client("iam", user)
    assert code_of(own.change_password, OldPassword=OLD, NewPassword=NEW) == "AccessDenied"
