"""Who is let in to Lambda functions, their versions and aliases; each attack on it is a test.

https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

import json
from typing import Any

import pytest

from .conftest import ACCOUNT, SECOND, Gateway
from .raw import REGION, Keys, statement
from .test_introductions import EMPTY_ZIP
from .test_policies_abroad import stranger
from .test_resource_policies import refused, user


@pytest.fixture
def function(gateway: Gateway) -> str:
    return make(gateway, gateway.name("function"))


def make(gateway: Gateway, name: str) -> str:
    role = gateway.common_role["Arn"]
    code = {"Runtime": "python3.12", "Handler": "main.handle", "Code": {"ZipFile": EMPTY_ZIP}}
    return str(gateway.client("lambda").create_function(FunctionName=name, Role=role, **code)["FunctionName"])


def let_in(gateway: Gateway, name: str, principal: str, **more: Any) -> dict[str, Any]:
    call = {"FunctionName": name, "StatementId": "s", "Action": "lambda:InvokeFunction", **more}
    answer = gateway.client("lambda").add_permission(**call, Principal=principal)
    found: dict[str, Any] = json.loads(answer["Statement"])
    return found


def use(gateway: Gateway, keys: Keys, name: str, **more: Any) -> None:
    client = gateway.client("lambda", keys)
    assert client.invoke(FunctionName=name, InvocationType="DryRun", **more)["StatusCode"] == 204


def policy(gateway: Gateway, name: str, **more: Any) -> list[dict[str, Any]]:
    text = gateway.client("lambda").get_policy(FunctionName=name, **more)["Policy"]
    found: list[dict[str, Any]] = json.loads(text)["Statement"]
    return found


def test_let_in_shown_put_out(gateway: Gateway, function: str) -> None:
    keys, other, admin = gateway.user(), gateway.user(), gateway.client("lambda")
    refused(lambda: use(gateway, keys, function))
    made = let_in(gateway, function, user(keys)["AWS"])
    assert made == {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": user(keys),
        "Action": "lambda:InvokeFunction",
        "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}",
    }
    assert policy(gateway, function) == policy(gateway, made["Resource"]) == [made]
    use(gateway, keys, function)
    use(gateway, keys, made["Resource"])
    refused(lambda: use(gateway, other, function))
    refused(lambda: gateway.client("lambda", keys).get_policy(FunctionName=function))
    admin.remove_permission(FunctionName=function, StatementId="s")
    refused(lambda: use(gateway, keys, function))
    refused(lambda: policy(gateway, function), "ResourceNotFoundException")


def test_a_deny_of_the_identity_holds(gateway: Gateway, function: str) -> None:
    keys = gateway.user(statement("Deny", "lambda:InvokeFunction"))
    let_in(gateway, function, user(keys)["AWS"])
    assert "with an explicit deny in an identity-based policy" in refused(lambda: use(gateway, keys, function))


def test_a_version_and_an_alias_have_their_own(gateway: Gateway, function: str) -> None:
    """The caller must use the ARN that he was let in to.

    https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
    """
    admin, keys = gateway.client("lambda"), gateway.user()
    version = admin.publish_version(FunctionName=function)["Version"]
    admin.create_alias(FunctionName=function, Name="live", FunctionVersion=version)
    for place, qualifier in enumerate((version, "live")):
        refused(lambda: use(gateway, keys, function, Qualifier=qualifier))  # noqa: B023
        let_in(gateway, function, user(keys)["AWS"], Qualifier=qualifier, StatementId=f"s{place}")
        use(gateway, keys, function, Qualifier=qualifier)
        assert [one["Sid"] for one in policy(gateway, function, Qualifier=qualifier)] == [f"s{place}"]
    refused(lambda: use(gateway, keys, function))
    refused(lambda: use(gateway, keys, function, Qualifier="$LATEST"))
    refused(lambda: policy(gateway, function), "ResourceNotFoundException")
    refused(lambda: admin.remove_permission(FunctionName=function, StatementId="s1"), "ResourceNotFoundException")
    admin.remove_permission(FunctionName=function, StatementId="s1", Qualifier="live")
    refused(lambda: use(gateway, keys, function, Qualifier="live"))
    use(gateway, keys, function, Qualifier=version)


def test_who_lets_in_to_the_function_lets_in_to_no_version(gateway: Gateway, function: str) -> None:
    admin, keys = gateway.client("lambda"), gateway.user()
    version = admin.publish_version(FunctionName=function)["Version"]
    let_in(gateway, function, user(keys)["AWS"])
    use(gateway, keys, function)
    refused(lambda: use(gateway, keys, function, Qualifier=version))


def test_what_is_new_inherits_nothing(gateway: Gateway, function: str) -> None:
    """A function, an alias and a user that are made again under the old name."""
    admin, keys = gateway.client("lambda"), gateway.user()
    version = admin.publish_version(FunctionName=function)["Version"]
    alias = {"FunctionName": function, "Name": "live"}
    admin.create_alias(**alias, FunctionVersion=version)
    let_in(gateway, function, user(keys)["AWS"], Qualifier="live")
    use(gateway, keys, function, Qualifier="live")
    admin.delete_alias(**alias)
    admin.create_alias(**alias, FunctionVersion=version)
    refused(lambda: use(gateway, keys, function, Qualifier="live"))
    refused(lambda: policy(gateway, function, Qualifier="live"), "ResourceNotFoundException")

    let_in(gateway, function, user(keys)["AWS"], StatementId="all")
    let_in(gateway, function, user(keys)["AWS"], Qualifier="live")
    for more in ({}, {"Qualifier": "live"}):
        use(gateway, keys, function, **more)
    admin.delete_function(FunctionName=function)
    make(gateway, function)
    admin.publish_version(FunctionName=function)
    admin.create_alias(**alias, FunctionVersion="1")
    for more in ({}, {"Qualifier": "live"}):
        refused(lambda: use(gateway, keys, function, **more))  # noqa: B023

    let_in(gateway, function, user(keys)["AWS"])
    gateway.iam.delete_access_key(UserName=keys.name, AccessKeyId=keys.id)
    gateway.iam.delete_user(UserName=keys.name)
    gateway.iam.create_user(UserName=keys.name)
    new = gateway.iam.create_access_key(UserName=keys.name)["AccessKey"]
    heir = Keys(new["AccessKeyId"], new["SecretAccessKey"], name=keys.name)
    refused(lambda: use(gateway, heir, function))
    assert policy(gateway, function)[0]["Principal"]["AWS"].startswith("AIDA")


def test_an_alias_that_went_in_another_way_leaves_nothing(gateway: Gateway, function: str) -> None:
    """Somebody is let in to an alias while it is being deleted."""
    admin, keys, alias = gateway.client("lambda"), gateway.user(), {"FunctionName": function, "Name": "live"}
    admin.create_alias(**alias, FunctionVersion="$LATEST")
    let_in(gateway, function, user(keys)["AWS"], Qualifier="live")
    refused(lambda: admin.create_alias(**alias, FunctionVersion="$LATEST"), "ConflictException")
    use(gateway, keys, function, Qualifier="live")
    gateway.run(gateway.pipeline._forwarder.ask(ACCOUNT, REGION, "lambda", "DeleteAlias", alias))
    admin.create_alias(**alias, FunctionVersion="$LATEST")
    refused(lambda: use(gateway, keys, function, Qualifier="live"))


def test_another_account_needs_both_sides(gateway: Gateway, function: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-cross-account.html"""
    allowed, without = stranger(gateway, statement("Allow", "lambda:*")), stranger(gateway)
    name = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
    refused(lambda: use(gateway, allowed, name))
    made = let_in(gateway, function, SECOND)
    assert made["Principal"] == {"AWS": f"arn:aws:iam::{SECOND}:root"}
    use(gateway, allowed, name)
    refused(lambda: use(gateway, without, name))


def test_a_condition_of_the_source_holds(gateway: Gateway, function: str) -> None:
    """Whoever is let in on behalf of a source is not let in by himself."""
    keys = gateway.user()
    more = {"SourceArn": "arn:aws:s3:::bucket", "SourceAccount": ACCOUNT}
    made = let_in(gateway, function, user(keys)["AWS"], **more)
    assert made["Condition"] == {
        "StringEquals": {"AWS:SourceAccount": ACCOUNT},
        "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"},
    }
    assert policy(gateway, function) == [made]
    refused(lambda: use(gateway, keys, function))
    made = let_in(gateway, function, "s3.amazonaws.com", StatementId="service")
    assert made["Principal"] == {"Service": "s3.amazonaws.com"}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"Principal": f"arn:aws:iam::{ACCOUNT}:user/nobody-of-this-name"}, "InvalidParameterValueException"),
        ({"Principal": "not an account"}, "InvalidParameterValueException"),
        ({"StatementId": "a b"}, "ValidationException"),
        ({"Action": "s3:GetObject"}, "ValidationException"),
        ({"Action": "lambda:NoSuchAction"}, "InvalidParameterValueException"),
        ({"Qualifier": "$LATEST"}, "InvalidParameterValueException"),
        ({"Qualifier": "nosuchalias"}, "ResourceNotFoundException"),
        ({"SourceArn": "bucket"}, "ValidationException"),
        ({"RevisionId": "of-another-time"}, "PreconditionFailedException"),
        # What the backend would forget, and let everybody in.
        ({"EventSourceToken": "token"}, "NotImplemented"),
        ({"Principal": "*", "InvokedViaFunctionUrl": True}, "NotImplemented"),
        ({"Principal": "*", "PrincipalOrgID": "no-organization"}, "ValidationException"),
        ({"Principal": "*", "FunctionUrlAuthType": "NONE"}, "InvalidParameterValueException"),
    ],
)
def test_what_lambda_does_not_take(gateway: Gateway, function: str, wrong: dict[str, Any], code: str) -> None:
    let_in(gateway, function, SECOND, StatementId="first")
    before = policy(gateway, function)
    refused(lambda: let_in(gateway, function, **{"principal": SECOND, **_lowered(wrong)}), code)
    assert policy(gateway, function) == before


def _lowered(call: dict[str, Any]) -> dict[str, Any]:
    return {"principal" if name == "Principal" else name: value for name, value in call.items()}


def test_an_id_names_one_statement_and_a_policy_has_an_end(gateway: Gateway, function: str) -> None:
    let_in(gateway, function, SECOND)
    refused(lambda: let_in(gateway, function, ACCOUNT), "ResourceConflictException")
    assert len(policy(gateway, function)) == 1
    source = "arn:aws:s3:::" + "x" * 9900
    let_in(gateway, function, SECOND, StatementId="long", SourceArn=source)
    refused(
        lambda: let_in(gateway, function, SECOND, StatementId="longer", SourceArn=source + "y" * 300),
        "PolicyLengthExceededException",
    )


def test_an_organization_lets_nobody_in_while_there_is_none(gateway: Gateway, function: str) -> None:
    keys = gateway.user()
    let_in(gateway, function, "*", PrincipalOrgID="o-1234567890")
    refused(lambda: use(gateway, keys, function))
    (shown,) = policy(gateway, function)
    assert shown["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}


def test_who_is_let_in_to_the_url_is_not_let_in_to_the_function(gateway: Gateway, function: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"""
    keys = gateway.user()
    call = {"FunctionName": function, "StatementId": "u", "Principal": "*", "FunctionUrlAuthType": "NONE"}
    gateway.client("lambda").add_permission(**call, Action="lambda:InvokeFunctionUrl")
    refused(lambda: use(gateway, keys, function))
    (shown,) = policy(gateway, function)
    assert shown["Condition"] == {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
    call["StatementId"] = "v"
    wrong = {**call, "Action": "lambda:InvokeFunction"}
    refused(lambda: gateway.client("lambda").add_permission(**wrong), "InvalidParameterValueException")
