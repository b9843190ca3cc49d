"""ListRequests: what was asked lately, data events of every Region among it, in the caller's account alone."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .browser import Browser, MovedClock
from .conftest import ACCOUNT, Gateway
from .raw import Keys, statement

ARN = f"arn:aws:iam::{ACCOUNT}:user/"


@pytest.fixture(scope="module")
def ana(gateway: Gateway) -> Keys:
    """She is allowed two things, fails at one, and is denied one."""
    keys = gateway.user(statement("Allow", ["iam:*User", "s3:*"]))
    bucket = gateway.name("lately")
    s3, iam = gateway.client("s3", keys), gateway.client("iam", keys, region_name="eu-west-1")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="x", Body=b"contents")
    for operation, given in ((iam.get_user, {"UserName": "nobody"}), (iam.list_roles, {})):
        with pytest.raises(ClientError):
            operation(**given)
    return keys


def lately(gateway: Gateway, keys: Keys | None = None, **asked: Any) -> list[dict[str, Any]]:
    client, found, token = gateway.client("kansatsu", keys), [], {}
    while True:
        page = client.list_requests(**asked, **token)
        found += page["Requests"]
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def test_what_she_asked_newest_first_and_page_by_page(gateway: Gateway, ana: Keys) -> None:
    mine = lately(gateway, Principal=ARN + ana.name)
    assert [one["Operation"] for one in mine] == ["ListRoles", "GetUser", "PutObject", "CreateBucket"]
    denied, failed, put, _made = mine
    assert (denied["Allowed"], denied["Error"], denied["Asked"][0]["Action"]) == (
        False,
        "AccessDenied",
        "iam:ListRoles",
    )
    assert "is not authorized to perform: iam:ListRoles" in denied["Message"]
    assert (failed["Allowed"], failed["Error"]) == (True, "NoSuchEntity")
    assert (put["Allowed"], put["Observed"], "Error" in put, put["Console"]) == (True, False, False, False)
    assert put["Asked"][0]["Resource"].endswith("/x") and put["EntityArn"] == ARN + ana.name
    assert lately(gateway, Principal=ARN + ana.name, MaxResults=1) == mine
    assert lately(gateway, Principal=ARN + ana.name, Outcome="DENIED") == [denied]
    assert lately(gateway, Principal=ARN + ana.name, Outcome="ALLOWED") == mine[1:]
    assert lately(gateway, Principal=ARN + ana.name, StartTime=denied["Time"]) == [denied]


def test_what_failed_before_any_policy_was_asked_was_not_denied(gateway: Gateway) -> None:
    """An administrator's typing error is no denial, and what SNS calls otherwise is one."""
    admin, few = gateway.user(statement("Allow", "*")), gateway.user()
    with pytest.raises(ClientError, match="ValidationError"):
        gateway.client("iam", admin).tag_user(UserName=admin.name, Tags=[{"Key": "a<b", "Value": "x"}])
    with pytest.raises(ClientError, match="AuthorizationError"):
        gateway.client("sns", few).create_topic(Name="t")
    (failed,), (denied,) = (lately(gateway, Principal=ARN + who.name) for who in (admin, few))
    assert (failed["Allowed"], failed["Denied"], failed["Error"]) == (False, False, "ValidationError")
    assert (denied["Allowed"], denied["Denied"], denied["Error"]) == (False, True, "AuthorizationError")
    assert lately(gateway, Principal=ARN + admin.name, Outcome="DENIED") == []
    assert lately(gateway, Principal=ARN + few.name, Outcome="DENIED") == [denied]
    why = gateway.client("kansatsu").explain_request(RequestId=failed["RequestId"])["Notes"]
    assert "It failed with ValidationError before any policy was asked." in why
    assert "The policies of now decide otherwise than was decided then." not in why


def test_who_watches_does_not_see_the_watching(gateway: Gateway, ana: Keys) -> None:
    client = gateway.client("kansatsu")
    client.list_requests()
    assert not any(one["Operation"] == "ListRequests" and one["Allowed"] for one in client.list_requests()["Requests"])
    page = Browser(gateway, gateway.console(MovedClock()))
    page.sign_in(accessKeyId=ana.id, secretAccessKey=ana.secret)
    page.call("iam", "GetUser", UserName=ana.name)
    page.call("iam", "ListGroups")
    page.call("iam", "TagUser", UserName=ana.name, Tags=[{"Key": "k", "Value": "v"}])
    page.call("iam", "GetUser", UserName=ana.name)
    all_of_it = [one for one in lately(gateway, Principal=ARN + ana.name) if one["Console"]]
    assert [one["Operation"] for one in all_of_it] == ["GetUser", "TagUser", "ListGroups", "GetUser"]
    without = client.list_requests(Principal=ARN + ana.name, WithoutConsole=True)
    # What was changed and what was denied is never left out.
    names = [one["Operation"] for one in without["Requests"] if one["Console"]]
    assert names == ["TagUser", "ListGroups"]
    assert (without["Hidden"], without["HiddenSince"]) == (2, 1)
    newest = client.list_requests(Principal=ARN + ana.name, WithoutConsole=True, MaxResults=1)
    assert (newest["Hidden"], newest["HiddenSince"]) == (1, 1)
    older = client.list_requests(Principal=ARN + ana.name, WithoutConsole=True, NextToken=newest["NextToken"])
    assert (older["Hidden"], older["HiddenSince"]) == (1, 0)
    since = client.list_requests(
        Principal=ARN + ana.name, WithoutConsole=True, StartTime=all_of_it[0]["Time"] + timedelta(seconds=1)
    )
    assert (since["Requests"], since["Hidden"], since["HiddenSince"]) == ([], 0, 0)
    assert "Hidden" not in client.list_requests(Principal=ARN + ana.name)


def test_nobody_sees_requests_of_another_account(gateway: Gateway, ana: Keys) -> None:
    """INVARIANT: nobody reads of another account's requests."""
    assert lately(gateway, gateway.stranger, Principal=ARN + ana.name) == []
    assert ARN + ana.name not in str(lately(gateway, gateway.stranger))


BAD = [
    ({"Outcome": "PERHAPS"}, "ValidationException"),
    ({"MaxResults": 501}, "ValidationException"),
    ({"NextToken": "made-up"}, "InvalidParameterValue"),
]


@pytest.mark.parametrize(("asked", "code"), BAD, ids=str)
def test_bad_input(gateway: Gateway, asked: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        gateway.client("kansatsu").list_requests(**asked)
