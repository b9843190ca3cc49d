"""What is kept of a denial: under its id, as it was, for its account alone, and with a change that really allows it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied-authorization-id.html
"""

import json
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from . import raw
from .asks import FORM, SPOKEN
from .conftest import ACCOUNT, Gateway
from .raw import Ask, Got, Keys, statement
from .test_denials import ALLOW_ALL, DENIED, POINTER, REASONS, USERS

LIST_USERS = SPOKEN["query"]
POLICIES = f"arn:aws:iam::{ACCOUNT}:policy/"


def authorization_id(got: Got) -> str:
    found = POINTER.search(got.message)
    assert found is not None
    return found[1]


@pytest.fixture(name="toolbox", scope="module")
def toolbox_client(gateway: Gateway) -> Any:
    return gateway.client("iam-toolbox")


@pytest.fixture(name="control", scope="module")
def control_client(gateway: Gateway) -> Any:
    return gateway.client("kansatsu")


@pytest.mark.parametrize("dialect", DENIED)
def test_every_protocol(gateway: Gateway, toolbox: Any, control: Any, dialect: str) -> None:
    """Each denial has an id, its request is in the details, and the proposed statement allows it."""
    keys = gateway.user()
    action = DENIED[dialect][2]
    got = gateway.ask(SPOKEN[dialect][0], keys, SPOKEN[dialect][1])
    given = authorization_id(got)
    details = toolbox.get_request_authorization_details(authorizationId=given)
    assert details["requestContext"]["aws:PrincipalArn"] == f"{USERS}{keys.name}"
    evaluation = details["evaluations"][0]
    assert (evaluation["action"], evaluation["evaluatedEffect"]) == (action, "IMPLICIT_DENY")
    assert [(c["checkType"], c["evaluatedEffect"]) for c in evaluation["checks"]] == [("PRINCIPAL", "IMPLICIT_DENY")]
    answer = control.explain_request(AuthorizationId=given)
    (change,) = answer["Changes"]
    assert change["Owner"] == f"{USERS}{keys.name}"
    apply(gateway, change)
    assert gateway.ask(SPOKEN[dialect][0], keys, SPOKEN[dialect][1]).status == 200


def apply(gateway: Gateway, change: dict[str, Any]) -> None:
    """Do what was proposed, by hand as an administrator would."""
    statement = json.loads(change["Statement"])
    kind, _, name = change["Owner"].rpartition(":")[2].rpartition("/")
    put = gateway.iam.put_user_policy if kind == "user" else gateway.iam.put_role_policy
    who = {"UserName": name} if kind == "user" else {"RoleName": name}
    if change["Kind"] == "AddStatement" and change["PolicyType"] == "identity-based policy":
        put(**who, PolicyName=change["PolicyName"], PolicyDocument=raw.document(statement))
    elif change["Kind"] == "ChangeDeny" and change["PolicyName"] and not change["PolicyArn"]:
        put(**who, PolicyName=change["PolicyName"], PolicyDocument=raw.document(ALLOW_ALL))
    elif change["PolicyArn"].startswith(POLICIES):
        more = [statement] if change["Kind"] == "AddStatement" else []
        document = raw.document(ALLOW_ALL, *more)
        gateway.iam.create_policy_version(PolicyArn=change["PolicyArn"], PolicyDocument=document, SetAsDefault=True)
    else:
        raise AssertionError(change)


@pytest.mark.parametrize(("make", "reason"), REASONS, ids=lambda item: getattr(item, "__name__", ""))
def test_every_type_of_policy(gateway: Gateway, toolbox: Any, control: Any, make: Any, reason: str) -> None:
    keys = make(gateway)
    got = gateway.ask(LIST_USERS[0], keys, "iam")
    answer = control.explain_request(AuthorizationId=authorization_id(got))
    evaluation = answer["Evaluations"][0]
    assert evaluation["Reason"] == reason
    assert (answer["Basis"], answer["RequestId"], answer["Notes"]) == ("recorded", got.headers["x-amzn-requestid"], [])
    said = {item["PolicyType"]: item["Verdict"] for item in evaluation["Verdicts"]}
    explicit = reason.startswith("with an explicit deny")
    assert said[evaluation["PolicyType"]] == ("explicitDeny" if explicit else "implicitDeny")
    deciding = [item for item in evaluation["Statements"] if item["Deciding"]]
    assert bool(deciding) == explicit
    for item in deciding:
        assert json.loads(item["Text"])["Effect"] == "Deny"
        assert item["Line"] >= 1
    assert answer["Changes"], "there is always something to change"
    assert {item["Kind"] for item in answer["Changes"]} == {"ChangeDeny" if explicit else "AddStatement"}
    details = toolbox.get_request_authorization_details(authorizationId=answer["AuthorizationId"])
    effects = {check["evaluatedEffect"] for check in details["evaluations"][0]["checks"]}
    assert details["evaluations"][0]["evaluatedEffect"] in effects
    assert {policy["uri"] for policy in details["policies"]} >= {
        item["uri"] for item in details["evaluations"][0]["matchedPolicies"]
    }


CHANGEABLE = [item for item in REASONS if item[0].__name__ in {"explicit", "deny_by_boundary", "poor_role"}]


@pytest.mark.parametrize(("make", "_reason"), CHANGEABLE, ids=lambda item: getattr(item, "__name__", ""))
def test_the_change_allows_it(gateway: Gateway, control: Any, make: Any, _reason: str) -> None:
    keys = make(gateway)
    got = gateway.ask(LIST_USERS[0], keys, "iam")
    for change in control.explain_request(AuthorizationId=authorization_id(got))["Changes"]:
        apply(gateway, change)
    assert gateway.ask(LIST_USERS[0], keys, "iam").status == 200


def test_a_trust_policy(gateway: Gateway, control: Any, toolbox: Any) -> None:
    """The change to a trust policy names the caller; with it in place the role can be assumed."""
    role = gateway.role(ALLOW_ALL, trust=statement_for("ec2.amazonaws.com"))
    keys = gateway.user(statement("Allow", "sts:AssumeRole"))
    body = f"Action=AssumeRole&Version=2011-06-15&RoleSessionName=some&RoleArn={role['Arn']}".encode()
    ask = Ask("POST", headers=FORM, body=body)
    got = gateway.ask(ask, keys, "sts")
    assert got.message.startswith(
        f"User: {USERS}{keys.name} is not authorized to perform: sts:AssumeRole on resource: {role['Arn']}. Run "
    )
    answer = control.explain_request(AuthorizationId=authorization_id(got))
    (change,) = answer["Changes"]
    assert (change["PolicyType"], change["Owner"]) == ("role trust policy", role["Arn"])
    details = toolbox.get_request_authorization_details(authorizationId=answer["AuthorizationId"])
    checks = {check["checkType"]: check["evaluatedEffect"] for check in details["evaluations"][0]["checks"]}
    assert checks == {"RESOURCE": "IMPLICIT_DENY", "PRINCIPAL": "ALLOW"}
    document = raw.document(json.loads(change["Statement"]))
    gateway.iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=document)
    assert gateway.ask(ask, keys, "sts").status == 200


def statement_for(service: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}


def test_a_role_that_does_not_exist_looks_like_one_that_does_not_trust(gateway: Gateway, control: Any) -> None:
    """Of roles of other accounts tests/gateway/test_two_sides.py says the same."""
    keys = gateway.user(statement("Allow", "sts:AssumeRole"))
    role = f"arn:aws:iam::{ACCOUNT}:role/no-such-role"
    body = f"Action=AssumeRole&Version=2011-06-15&RoleSessionName=some&RoleArn={role}".encode()
    got = gateway.ask(Ask("POST", headers=FORM, body=body), keys, "sts")
    answer = control.explain_request(AuthorizationId=authorization_id(got))
    assert answer["Changes"] == [] and answer["Notes"]


def test_policies_as_they_were(gateway: Gateway, toolbox: Any) -> None:
    """The policy that denied is shown with its text of that moment, also when it and its user are gone."""
    document = raw.document(ALLOW_ALL, {**statement("Deny", "iam:ListUsers"), "Sid": "Once"})
    policy = gateway.iam.create_policy(PolicyName=gateway.name("policy"), PolicyDocument=document)["Policy"]["Arn"]
    keys = gateway.user()
    gateway.iam.attach_user_policy(UserName=keys.name, PolicyArn=policy)
    got = gateway.ask(LIST_USERS[0], keys, "iam")
    assert f"with an explicit deny in an identity-based policy: {policy}. Run " in got.message
    given = authorization_id(got)
    gateway.iam.detach_user_policy(UserName=keys.name, PolicyArn=policy)
    gateway.iam.delete_policy(PolicyArn=policy)
    gateway.iam.delete_access_key(UserName=keys.name, AccessKeyId=keys.id)
    gateway.iam.delete_user(UserName=keys.name)
    shown = toolbox.get_request_authorization_policy(authorizationId=given, policyUri=policy)
    assert shown["policyDocument"] == json.loads(document)
    details = toolbox.get_request_authorization_details(authorizationId=given)
    assert details["policies"] == [
        {
            "type": "IDENTITY_BASED_POLICY",
            "inline": False,
            "uri": policy,
            "attachedTo": [{"arn": f"{USERS}{keys.name}"}],
        }
    ]
    (check,) = details["evaluations"][0]["checks"]
    assert check["matchedPolicies"] == [
        {
            "uri": policy,
            "matchedStatements": [
                {"sid": "Once", "evaluatedEffect": "DENY"},
                {"sid": "statement1", "evaluatedEffect": "ALLOW"},
            ],
        }
    ]


UNKNOWN = "0" * 30


@pytest.mark.parametrize("given", [UNKNOWN, "x", "z" * 256, "01w2x3y" + "0" * 23])
def test_ids_that_nobody_gave_out(toolbox: Any, control: Any, given: str) -> None:
    for call in (
        lambda: toolbox.get_request_authorization_details(authorizationId=given),
        lambda: toolbox.get_request_authorization_policy(authorizationId=given, policyUri="arn:aws:iam::aws:policy/x"),
    ):
        with pytest.raises(toolbox.exceptions.ResourceNotFoundException):
            call()
    with pytest.raises(ClientError, match="NoSuchRequest"):
        control.explain_request(AuthorizationId=given)


def test_an_id_with_other_letters(gateway: Gateway, toolbox: Any) -> None:
    with pytest.raises(toolbox.exceptions.ValidationException):
        toolbox.get_request_authorization_details(authorizationId="../../../../etc/passwd")
    with pytest.raises(toolbox.exceptions.ValidationException):
        toolbox.get_request_authorization_details(authorizationId=UNKNOWN, nextToken="more")


def test_who_may_see_details(gateway: Gateway) -> None:
    """They are authorized as actions of iam; without them the denied caller learns no more than the message."""
    keys = gateway.user()
    given = authorization_id(gateway.ask(LIST_USERS[0], keys, "iam"))
    for call, action in (
        (
            lambda client: client.get_request_authorization_details(authorizationId=given),
            "GetRequestAuthorizationDetails",
        ),
        (
            lambda client: client.get_request_authorization_policy(authorizationId=given, policyUri="x"),
            "GetRequestAuthorizationPolicy",
        ),
    ):
        client = gateway.client("iam-toolbox", keys)
        with pytest.raises(
            client.exceptions.AccessDeniedException, match=f"no identity-based policy allows the iam:{action}"
        ):
            call(client)


def test_another_accounts_denials_do_not_exist(gateway: Gateway, toolbox: Any, control: Any) -> None:
    """INVARIANT: what is kept is shown in the account of the denied principal alone."""
    keys = gateway.user()
    got = gateway.ask(LIST_USERS[0], keys, "iam")
    denials = gateway.recorder.denials
    denial = denials.find(authorization_id(got))
    assert denial is not None
    texts = [denials.text(denial, held) for held in denial.held]
    theirs = denials.keep(msgspec.structs.replace(denial, account="999999999999", request_id="r-of-others"), texts)
    assert denials.find(theirs) is not None
    with pytest.raises(toolbox.exceptions.ResourceNotFoundException):
        toolbox.get_request_authorization_details(authorizationId=theirs)
    for asked in ({"AuthorizationId": theirs}, {"RequestId": "r-of-others"}):
        with pytest.raises(ClientError, match="NoSuchRequest"):
            control.explain_request(**asked)


def test_by_request_id_by_encoded_message_and_the_last(gateway: Gateway, control: Any) -> None:
    keys = gateway.user()
    got = gateway.ask(SPOKEN["ec2"][0], keys, "ec2")
    given = authorization_id(got)
    encoded = got.message.partition("Encoded authorization failure message: ")[2]
    for asked in (
        {},
        {"RequestId": got.headers["x-amzn-requestid"]},
        {"EncodedMessage": encoded},
        {"AuthorizationId": given},
    ):
        answer = control.explain_request(**asked)
        assert (answer["AuthorizationId"], answer["RequestId"]) == (given, got.headers["x-amzn-requestid"])
    with pytest.raises(ClientError, match="InvalidAuthorizationMessageException"):
        control.explain_request(EncodedMessage=encoded[:-8])
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        control.explain_request(RequestId=got.headers["x-amzn-requestid"], AuthorizationId=given)


def test_an_allowed_request_is_explained_by_the_policies_of_now(gateway: Gateway, control: Any) -> None:
    keys = gateway.user({**statement("Allow", "iam:ListUsers"), "Sid": "Lists"})
    got = gateway.ask(LIST_USERS[0], keys, "iam")
    answer = control.explain_request(RequestId=got.headers["x-amzn-requestid"])
    assert (answer["Basis"], answer["Allowed"], answer["Changes"]) == ("current", True, [])
    (evaluation,) = answer["Evaluations"]
    assert [(item["Sid"], item["Deciding"]) for item in evaluation["Statements"]] == [("Lists", True)]
    assert evaluation["Reason"] == "allowed by an identity-based policy"
    gateway.iam.delete_user_policy(UserName=keys.name, PolicyName="own")
    answer = control.explain_request(RequestId=got.headers["x-amzn-requestid"])
    assert "The policies of now decide otherwise than was decided then." in answer["Notes"]
    assert (answer["Allowed"], answer["Evaluations"][0]["Allowed"]) == (True, False)


def test_all_parts_of_a_call_are_explained_at_once(gateway: Gateway, control: Any) -> None:
    """Not one denial after the other: the changes allow all that the call asked for."""
    bucket = gateway.bucket()
    gateway.client("s3").put_object(Bucket=bucket, Key="a", Body=b"x")
    keys = gateway.user()
    client = gateway.client("s3", keys)
    with pytest.raises(ClientError) as refused:
        client.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    found = POINTER.search(refused.value.response["Error"]["Message"])
    assert found is not None
    for change in control.explain_request(AuthorizationId=found[1])["Changes"]:
        apply(gateway, change)
    client.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})


def test_a_key_of_an_object_that_reads_like_a_pattern(gateway: Gateway, control: Any) -> None:
    """The proposed statement allows that object, and none that its name as a pattern would match."""
    bucket = gateway.bucket()
    keys = gateway.user()
    client = gateway.client("s3", keys)
    with pytest.raises(ClientError) as refused:
        client.put_object(Bucket=bucket, Key="a*${aws:username}?", Body=b"x")
    found = POINTER.search(refused.value.response["Error"]["Message"])
    assert found is not None
    (change,) = control.explain_request(AuthorizationId=found[1])["Changes"]
    apply(gateway, change)
    client.put_object(Bucket=bucket, Key="a*${aws:username}?", Body=b"x")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object(Bucket=bucket, Key=f"abc{keys.name}d", Body=b"x")


def test_condition_keys_that_were_missing(gateway: Gateway, control: Any) -> None:
    condition = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    keys: Keys = gateway.user({**statement("Allow", "iam:ListUsers"), "Condition": condition})
    got = gateway.ask(LIST_USERS[0], keys, "iam")
    evaluation = control.explain_request(AuthorizationId=authorization_id(got))["Evaluations"][0]
    assert evaluation["MissingKeys"] == ["aws:MultiFactorAuthPresent"]


def test_what_a_client_chose_is_cut_and_then_nothing_is_proposed(gateway: Gateway, control: Any) -> None:
    keys = gateway.user()
    got = gateway.ask(LIST_USERS[0].having(user_agent="x" * 30_000), keys, "iam", unsigned=["user-agent"])
    answer = control.explain_request(AuthorizationId=authorization_id(got))
    assert answer["Changes"] == []
    assert answer["Notes"] == ["No change is proposed: the request cannot be evaluated again exactly as it was."]
