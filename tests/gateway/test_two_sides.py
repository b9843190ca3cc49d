"""Across accounts both sides have to allow: a denial says which side is missing, and tells nobody what is another's.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import ACCOUNT, SECOND, Gateway
from .raw import Keys, statement


def explained(gateway: Gateway, call: Any, **params: Any) -> tuple[str, dict[str, Any]]:
    """The message of a denied call, and what ExplainRequest says of it to the second account."""
    with pytest.raises(ClientError) as refused:
        call(**params)
    error = refused.value.response
    asked = error["ResponseMetadata"]["RequestId"]
    answer = gateway.client("kansatsu", gateway.stranger).explain_request(RequestId=asked)
    return str(error["Error"]["Message"]).partition(". Run")[0], dict(answer)


def lasting(answer: dict[str, Any]) -> str:
    """What does not tell two requests apart."""
    (evaluation,) = answer["Evaluations"]
    context = [item for item in evaluation["Context"] if not item["Key"].endswith("Time")]
    return str((evaluation | {"Context": context}, answer["Changes"], answer["Notes"]))


@pytest.fixture(scope="module")
def roles(gateway: Gateway) -> tuple[str, str]:
    """A role of the first account that trusts nobody but its own, and the ARN of none."""
    return gateway.role()["Arn"], f"arn:aws:iam::{ACCOUNT}:role/none-of-this-name"


def sides(answer: dict[str, Any]) -> set[tuple[str, str]]:
    return {(change["PolicyType"], change["Owner"]) for change in answer["Changes"]}


def test_assuming_a_role_of_another_account(gateway: Gateway, roles: tuple[str, str]) -> None:
    iam = gateway.client("iam", gateway.stranger)
    iam.create_user(UserName="two-sides")
    key = iam.create_access_key(UserName="two-sides")["AccessKey"]
    own = f"arn:aws:iam::{SECOND}:user/two-sides"
    sts = gateway.client("sts", Keys(key["AccessKeyId"], key["SecretAccessKey"]))
    told = []
    for allowed in (False, True):
        if allowed:
            policy = raw.document(statement("Allow", "sts:AssumeRole"))
            iam.put_user_policy(UserName="two-sides", PolicyName="p", PolicyDocument=policy)
        for role in roles:
            message, answer = explained(gateway, sts.assume_role, RoleArn=role, RoleSessionName="session")
            identity = set() if allowed else {("identity-based policy", own)}
            assert sides(answer) == {("role trust policy", role), *identity}
            assert f"belongs to account {ACCOUNT}" in answer["Notes"][0]
            assert answer["Notes"][0].endswith("is there." if allowed else "is missing.")
            # INVARIANT: a role that there is and one that there is not are told alike.
            told.append((message + lasting(answer)).replace(role, "R"))
    assert told[0] == told[1]
    assert told[2] == told[3]


def test_a_bucket_without_a_policy_in_another_account(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    s3 = gateway.client("s3", gateway.stranger)
    _, answer = explained(gateway, s3.get_object, Bucket=bucket, Key="k")
    assert sides(answer) == {("resource-based policy", f"arn:aws:s3:::{bucket}")}
    (change,) = answer["Changes"]
    gateway.client("s3").put_bucket_policy(Bucket=bucket, Policy=raw.document(raw.json.loads(change["Statement"])))
    gateway.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def user(gateway: Gateway, name: str) -> Keys:
    """A user of the second account with no policy."""
    iam = gateway.client("iam", gateway.stranger)
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Keys(key["AccessKeyId"], key["SecretAccessKey"])


def test_a_bucket_that_lets_the_account_in(gateway: Gateway) -> None:
    """What is missing is the caller's own side, and it is proposed; of the bucket's policy he reads nothing."""
    bucket, s3 = gateway.bucket(), gateway.client("s3", user(gateway, "let-in"))
    account = {"AWS": f"arn:aws:iam::{SECOND}:root"}
    objects = f"arn:aws:s3:::{bucket}/*"
    policy = statement("Allow", "s3:GetObject", objects) | {"Principal": account, "Sid": "Secret"}
    gateway.client("s3").put_bucket_policy(Bucket=bucket, Policy=raw.document(policy))
    _, answer = explained(gateway, s3.get_object, Bucket=bucket, Key="k")
    own = f"arn:aws:iam::{SECOND}:user/let-in"
    assert ("identity-based policy", own) in sides(answer) and "Secret" not in str(answer)
    assert answer["Notes"][0].endswith("The Allow on the caller's side is missing.")
    (change,) = [each for each in answer["Changes"] if each["Owner"] == own]
    iam = gateway.client("iam", gateway.stranger)
    document = raw.document(raw.json.loads(change["Statement"]))
    iam.put_user_policy(UserName="let-in", PolicyName="p", PolicyDocument=document)
    gateway.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_what_another_accounts_bucket_allows_needs_no_change(gateway: Gateway) -> None:
    """A copy between buckets of two accounts: the other one's lets him read, and he may not write to his own."""
    theirs, keys = gateway.bucket(), user(gateway, "copies")
    policy = statement("Allow", "s3:GetObject*", f"arn:aws:s3:::{theirs}/*") | {"Principal": {"AWS": SECOND}}
    gateway.client("s3").put_bucket_policy(Bucket=theirs, Policy=raw.document(policy))
    gateway.client("s3").put_object(Bucket=theirs, Key="k", Body=b"x")
    mine = gateway.name("bucket")
    gateway.client("s3", gateway.stranger).create_bucket(Bucket=mine)
    iam = gateway.client("iam", gateway.stranger)
    reading = raw.document(statement("Allow", "s3:GetObject*", "*"))
    iam.put_user_policy(UserName="copies", PolicyName="p", PolicyDocument=reading)
    copy = gateway.client("s3", keys).copy_object
    _, answer = explained(gateway, copy, Bucket=mine, Key="k", CopySource=f"{theirs}/k")
    assert sides(answer) == {("identity-based policy", f"arn:aws:iam::{SECOND}:user/copies")}
    assert mine in answer["Changes"][0]["Statement"]


def test_can_takes_the_arn_of_a_role_session(gateway: Gateway) -> None:
    role = gateway.role(statement("Allow", "s3:GetObject", "arn:aws:s3:::b/${aws:userid}"))
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role['RoleName']}/web"
    control = gateway.client("kansatsu")
    for name, allowed in (("web", True), ("other", False)):
        resource = f"arn:aws:s3:::b/{role['RoleId']}:{name}"
        answer = control.simulate_access(Principal=session, Action="s3:GetObject", Resource=resource)
        assert answer["PrincipalArn"] == session
        assert answer["Evaluation"]["Allowed"] is allowed
    with pytest.raises(ClientError, match="NoSuchEntity"):
        control.simulate_access(
            Principal=session.replace(role["RoleName"], "none"), Action="s3:GetObject", Resource="*"
        )
