"""GetScopedCredentials: the same session with less, and never with more, however often and by whomever it is asked for.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getscopedcredentials.html
"""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, Gateway
from .raw import Keys, document, statement
from .test_tags import code_of

SCOPE = statement("Allow", "sts:GetScopedCredentials")
BUCKETS = document(statement("Allow", "s3:*"), SCOPE)


def scoped(gateway: Gateway, keys: Keys, **asked: Any) -> tuple[Keys, dict[str, Any]]:
    got = gateway.client("sts", keys).get_scoped_credentials(**asked)
    made = got["Credentials"]
    return Keys(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]), got


@pytest.fixture(scope="module")
def session(gateway: Gateway) -> Keys:
    return gateway.assume(gateway.role(statement("Allow", "*")))


def test_it_is_the_same_session_with_less(gateway: Gateway, session: Keys) -> None:
    narrow, got = scoped(gateway, session, Policy=BUCKETS)
    before, after = (gateway.client("sts", keys).get_caller_identity() for keys in (session, narrow))
    assert (after["Arn"], after["UserId"]) == (before["Arn"], before["UserId"])
    assert got["SessionInfo"] == {"ScopedSessionId": before["UserId"], "Arn": before["Arn"]}
    assert got["ScopedPoliciesCount"] == 1
    gateway.client("s3", narrow).list_buckets()
    with pytest.raises(ClientError, match="because no session policy allows the iam:ListUsers action"):
        gateway.client("iam", narrow).list_users()
    gateway.client("iam", session).list_users()


def test_each_policy_bounds_within_the_one_before(gateway: Gateway, session: Keys) -> None:
    """The attack: to scope oneself down to more. A fourth policy there is not, an earlier end there is."""
    everything = document(statement("Allow", "*"))
    once, _ = scoped(gateway, session, Policy=BUCKETS)
    twice, got = scoped(gateway, once, Policy=everything)
    assert got["ScopedPoliciesCount"] == 2
    assert code_of(gateway.client("iam", twice).list_users) == "AccessDenied"
    denying = document(statement("Allow", "*"), statement("Deny", "s3:ListAllMyBuckets"))
    thrice, _ = scoped(gateway, twice, Policy=denying)
    with pytest.raises(ClientError, match="with an explicit deny in a session policy"):
        gateway.client("s3", thrice).list_buckets()
    assert code_of(scoped, gateway=gateway, keys=thrice, Policy=everything) == "AccessDenied"
    _, last = scoped(gateway, thrice, DurationSeconds=60)
    assert last["ScopedPoliciesCount"] == 3
    mute, _ = scoped(gateway, session, Policy=document(statement("Allow", "s3:*")))
    assert code_of(scoped, gateway=gateway, keys=mute, DurationSeconds=60) == "AccessDenied"


def test_the_policy_of_a_resource_gives_it_no_more(gateway: Gateway) -> None:
    """INVARIANT of the engine: a bucket that lets the very session in lets it in no further than its scope."""
    role, bucket = gateway.role(SCOPE), gateway.bucket()
    keys = gateway.assume(role)
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role['RoleName']}/session"
    lets = {
        "Effect": "Allow",
        "Principal": {"AWS": arn},
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    gateway.client("s3").put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": lets})
    )
    gateway.client("s3", keys).list_objects_v2(Bucket=bucket)
    narrow, _ = scoped(gateway, keys, Policy=document(statement("Allow", "sqs:*")))
    assert code_of(gateway.client("s3", narrow).list_objects_v2, Bucket=bucket) == "AccessDenied"
    wide, _ = scoped(gateway, keys, Policy=document(statement("Allow", "s3:ListBucket")))
    gateway.client("s3", wide).list_objects_v2(Bucket=bucket)


def test_a_role_is_assumed_within_the_scope_alone(gateway: Gateway, session: Keys) -> None:
    role = gateway.role()
    sts = gateway.client("sts", scoped(gateway, session, Policy=BUCKETS)[0])
    assert code_of(sts.assume_role, RoleArn=role["Arn"], RoleSessionName="on") == "AccessDenied"
    sts = gateway.client("sts", scoped(gateway, session, Policy=document(statement("Allow", "sts:AssumeRole")))[0])
    sts.assume_role(RoleArn=role["Arn"], RoleSessionName="on")


def test_it_ends_no_later(gateway: Gateway, session: Keys) -> None:
    ends = gateway.client("sts", session).get_scoped_credentials(DurationSeconds=1)["Credentials"]["Expiration"]
    assert ends <= datetime.now(ends.tzinfo) + timedelta(seconds=1)
    _, whole = scoped(gateway, session, Policy=BUCKETS)
    _, again = scoped(gateway, session, Policy=BUCKETS)
    assert whole["Credentials"]["Expiration"] == again["Credentials"]["Expiration"]
    sts = gateway.client("sts", session)
    assert code_of(sts.get_scoped_credentials, DurationSeconds=7200) == "InsufficientSessionLifetime"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "ValidationError"),
        ({"DurationSeconds": 129601}, "ValidationError"),
        ({"Policy": "{}"}, "MalformedPolicyDocument"),
        ({"Policy": BUCKETS + " " * 2048}, "ValidationError"),
    ],
)
def test_what_is_no_scope(gateway: Gateway, session: Keys, asked: dict[str, Any], code: str) -> None:
    assert code_of(scoped, gateway=gateway, keys=session, **asked) == code


def test_too_much_does_not_fit(gateway: Gateway, session: Keys) -> None:
    def noise(seed: int) -> str:
        words = [hashlib.sha256(f"{seed} {n}".encode()).hexdigest() for n in range(18)]
        return document(SCOPE, statement("Allow", "s3:GetObject", [f"arn:aws:s3:::{word}" for word in words]))

    once, _ = scoped(gateway, session, Policy=noise(1))
    twice, _ = scoped(gateway, once, Policy=noise(2))
    sts = gateway.client("sts", twice)
    assert code_of(sts.get_scoped_credentials, Policy=noise(3)) == "PackedPolicyTooLarge"
    assert code_of(sts.get_scoped_credentials, Policy="{}") == "MalformedPolicyDocument"


def test_who_may(gateway: Gateway) -> None:
    user = gateway.user(statement("Allow", ["sts:*", "s3:*", "iam:*"]))
    sts = gateway.client("sts", user)
    assert code_of(sts.get_scoped_credentials, Policy=BUCKETS) == "InvalidSubjectCredentials"
    unable = gateway.assume(gateway.role(statement("Allow", "s3:*")))
    assert code_of(gateway.client("sts", unable).get_scoped_credentials, Policy=BUCKETS) == "AccessDenied"
    for got in (sts.get_session_token(), sts.get_federation_token(Name="fed", Policy=BUCKETS)):
        made = got["Credentials"]
        narrow, _ = scoped(
            gateway, Keys(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]), Policy=BUCKETS
        )
        gateway.client("s3", narrow).list_buckets()
        assert code_of(gateway.client("sqs", narrow).list_queues) in ("AccessDenied", "AccessDeniedException")


def test_what_ends_the_session_ends_it_too(gateway: Gateway) -> None:
    role = gateway.role(statement("Allow", "*"))
    keys = gateway.assume(role)
    narrow, _ = scoped(gateway, keys, Policy=BUCKETS)
    gateway.iam.delete_role_policy(RoleName=role["RoleName"], PolicyName="own")
    gateway.iam.delete_role(RoleName=role["RoleName"])
    assert code_of(gateway.client("sts", narrow).get_caller_identity) == "InvalidClientTokenId"


@pytest.mark.parametrize("size", [0, 1, 1500, 4096])
def test_a_token_is_as_large_as_asked_for(gateway: Gateway, session: Keys, size: int) -> None:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html: MinimumSessionTokenSize"""
    role, root = gateway.role(), gateway.client("sts")
    user = gateway.client("sts", gateway.user(statement("Allow", "sts:*")))
    for call, asked in (
        (root.assume_role, {"RoleArn": role["Arn"], "RoleSessionName": "sized"}),
        (user.get_session_token, {}),
        (user.get_federation_token, {"Name": "fed"}),
        (gateway.client("sts", session).get_scoped_credentials, {"Policy": BUCKETS}),
    ):
        got = call(**asked, MinimumSessionTokenSize=size)
        token = got["Credentials"]["SessionToken"]
        assert got["SessionTokenSize"] == len(token) >= size
        assert len(token) < size + 8 or len(token) < 1500
        assert 0 < got["SessionTokenUtilization"] <= 100
        made = got["Credentials"]
        gateway.client("sts", Keys(made["AccessKeyId"], made["SecretAccessKey"], token)).get_caller_identity()
    asked = {"RoleArn": role["Arn"], "RoleSessionName": "sized", "MinimumSessionTokenSize": 4097}
    assert code_of(root.assume_role, **asked) == "ValidationError"


def test_context_that_nobody_vouches_for(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_ProvidedContext.html: here is no Identity Center.

    Who may not set context is not told what is wrong with the assertion.
    """
    context = {"ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter", "ContextAssertion": "eyJhbGciOiJ"}
    sts = gateway.client("sts")
    for actions, code in ((["sts:AssumeRole"], "AccessDenied"), (["sts:SetContext"], "AccessDenied"),
                          (["sts:AssumeRole", "sts:SetContext"], "InvalidContextAssertion")):  # fmt: skip
        role = gateway.role(trust={"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": actions})
        asked = {"RoleArn": role["Arn"], "RoleSessionName": "sized", "ProvidedContexts": [context]}
        assert code_of(sts.assume_role, **asked) == code
    with pytest.raises(ClientError, match="not authorized to perform: sts:SetContext on resource"):
        sts.assume_role(**{**asked, "RoleArn": gateway.role()["Arn"]})


def test_the_trail_tells_of_it(gateway: Gateway, session: Keys) -> None:
    narrow, _ = scoped(gateway, session, Policy=BUCKETS, ScopedSessionDescription="for the agent")
    by = [{"AttributeKey": "EventName", "AttributeValue": "GetScopedCredentials"}]
    events = gateway.client("cloudtrail").lookup_events(LookupAttributes=by)["Events"]
    told = next(one for one in (json.loads(each["CloudTrailEvent"]) for each in events)
                if one["requestParameters"].get("scopedSessionDescription") == "for the agent")  # fmt: skip
    assert told["responseElements"]["credentials"]["accessKeyId"] == narrow.id
    assert narrow.secret not in json.dumps(told)
