"""Delegation requests from the partner's question to its credentials, and everybody who gets no further than allowed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html
"""

import functools
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.identity import Session, sessions
from kansatsu.services.callers import is_itself

from .conftest import ACCOUNT, SECOND, Gateway
from .raw import Keys, document, statement
from .test_learning import learner, task_role
from .test_tags import code_of

TEMPLATE = document(
    {"Effect": "Allow", "Action": ["s3:*", "iam:ListUsers"], "Resource": ["arn:aws:s3:::@{bucket}", "arn:aws:iam::*"]}
)
EVERYTHING = statement("Allow", "*")


@dataclass(frozen=True)
class Case:
    key: str
    right: str
    wrong: str


CREATED = [
    Case("iam:DelegationDuration", "600", "601"),
    Case("iam:NotificationChannel", "TOPIC", "arn:aws:sns:us-east-1:210987654321:other"),
    Case("iam:TemplateArn", "TEMPLATE", "arn:aws:iam::210987654321:policy/delegation-template/other"),
]
CASES = [*CREATED, Case("iam:DelegationRequestOwner", "", "")]


class Partner:
    """The second account, with a template and a topic, and what IAM has told it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.iam, self.sns, self.sqs = (gateway.client(name, gateway.stranger) for name in ("iam", "sns", "sqs"))
        self.name = gateway.name("partner")
        gateway.client("s3").create_bucket(Bucket=self.name)
        made = self.iam.create_policy(PolicyName=self.name, Path="/delegation-template/", PolicyDocument=TEMPLATE)
        self.template = made["Policy"]["Arn"]
        self.topic = self.sns.create_topic(Name=self.name)["TopicArn"]
        self.open()
        self.queue = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:{SECOND}:{self.name}"
        lets = {"Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": document({"Effect": "Allow", **lets})})
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)

    def open(self, effect: str = "Allow") -> None:
        lets = {"Effect": effect, "Principal": {"Service": "iam.amazonaws.com"}, "Action": "sns:Publish"}
        self.sns.set_topic_attributes(
            TopicArn=self.topic, AttributeName="Policy", AttributeValue=document({**lets, "Resource": self.topic})
        )

    def asked(self, **more: Any) -> dict[str, Any]:
        values = [{"Name": "bucket", "Values": [self.name], "Type": "string"}]
        return {
            "Description": "to help",
            "Permissions": {"PolicyTemplateArn": self.template, "Parameters": values},
            "RequestorWorkflowId": self.gateway.name("workflow"),
            "NotificationChannel": self.topic,
            "SessionDuration": 600,
            **more,
        }

    def ask(self, **more: Any) -> str:
        return str(self.iam.create_delegation_request(**self.asked(**more))["DelegationRequestId"])

    def heard(self, id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while got := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in got:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(json.loads(message["Body"])["Message"]))
        return [one for one in found if one["DelegationRequestId"] == id]

    def trade(self, token: str) -> Keys:
        got = self.gateway.client("sts", self.gateway.stranger).get_delegated_access_token(TradeInToken=token)
        made = got["Credentials"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"], got["AssumedPrincipal"])


@pytest.fixture(scope="module")
def partner(gateway: Gateway) -> Partner:
    return Partner(gateway)


@functools.cache
def approver(gateway: Gateway) -> Keys:
    return gateway.user(EVERYTHING)


def handed(partner: Partner, keys: Keys, id: str) -> str:
    """The token that the partner gets when one identity does everything."""
    iam = partner.gateway.client("iam", keys)
    for step in (iam.associate_delegation_request, iam.accept_delegation_request, iam.send_delegation_token):
        step(DelegationRequestId=id)
    [told] = [one for one in partner.heard(id) if one["State"] == "FINALIZED"]
    return str(told["TradeInToken"])


def lent(partner: Partner, keys: Keys, id: str) -> Keys:
    return partner.trade(handed(partner, keys, id))


def test_a_partner_gets_what_it_asked_for_of_what_the_approver_has(gateway: Gateway, partner: Partner) -> None:
    keys = approver(gateway)
    iam = gateway.client("iam", keys)
    asked = partner.ask(RequestMessage="please", OwnerAccountId=ACCOUNT)
    held = iam.get_delegation_request(DelegationRequestId=asked, DelegationPermissionCheck=True)
    assert (held["PermissionCheckStatus"], held["PermissionCheckResult"]) == ("COMPLETE", "UNSURE")
    shown = held["DelegationRequest"]
    assert (shown["State"], shown["RequestorId"], shown["RequestMessage"]) == ("UNASSIGNED", SECOND, "please")
    assert f"arn:aws:s3:::{partner.name}" in shown["PermissionPolicy"]
    assert iam.list_delegation_requests()["DelegationRequests"] == []
    made = lent(partner, keys, asked)
    who = gateway.client("sts", made).get_caller_identity()
    assert who["Arn"] == made.name == f"arn:aws:iam::{ACCOUNT}:user/{keys.name}"
    gateway.client("s3", made).list_objects_v2(Bucket=partner.name)
    with pytest.raises(ClientError, match="no session policy allows the sqs:ListQueues action"):
        gateway.client("sqs", made).list_queues()
    [mine] = iam.list_delegation_requests(OwnerId=who["Arn"])["DelegationRequests"]
    assert (mine["State"], mine["ApproverId"], mine["OwnerId"]) == ("FINALIZED", who["Arn"], who["Arn"])
    gateway.iam.put_user_policy(
        UserName=keys.name, PolicyName="own", PolicyDocument=document(statement("Allow", "iam:*"))
    )
    assert code_of(gateway.client("s3", made).list_objects_v2, Bucket=partner.name) == "AccessDenied"
    gateway.iam.put_user_policy(UserName=keys.name, PolicyName="own", PolicyDocument=document(EVERYTHING))


def test_a_role_lends_no_more_than_its_session_had(gateway: Gateway, partner: Partner) -> None:
    """The attack: a session that is bound by a policy approves what its role alone could do."""
    role = gateway.role(EVERYTHING)
    narrow = gateway.assume(role, Policy=document(statement("Allow", ["iam:*", "sqs:*"])))
    made = lent(partner, narrow, partner.ask())
    assert code_of(gateway.client("s3", made).list_objects_v2, Bucket=partner.name) == "AccessDenied"
    wide = gateway.assume(role)
    made = lent(partner, wide, partner.ask())
    gateway.client("s3", made).list_objects_v2(Bucket=partner.name)
    gateway.iam.delete_role_policy(RoleName=role["RoleName"], PolicyName="own")
    gateway.iam.delete_role(RoleName=role["RoleName"])
    assert code_of(gateway.client("sts", made).get_caller_identity) == "InvalidClientTokenId"


def test_another_looks_at_it_before_it_is_sent(gateway: Gateway, partner: Partner) -> None:
    """An owner without a permission for it forwards the request; who may approve it does; the owner sends the token."""
    own = statement("Allow", ["iam:AssociateDelegationRequest", "iam:SendDelegationToken"])
    owner, other = gateway.user(own), gateway.user(own)
    asked = partner.ask(OnlySendByOwner=True)
    iam, others, boss = (gateway.client("iam", keys) for keys in (owner, other, approver(gateway)))
    assert code_of(iam.get_delegation_request, DelegationRequestId=asked) == "AccessDenied"
    iam.associate_delegation_request(DelegationRequestId=asked)
    arn = f"arn:aws:iam::{ACCOUNT}:delegation-request/{asked}"
    assert iam.get_human_readable_summary(EntityArn=arn)["SummaryState"] == "NOT_SUPPORTED"
    iam.update_delegation_request(DelegationRequestId=asked, Notes="have a look")
    shown = iam.get_delegation_request(DelegationRequestId=asked)["DelegationRequest"]
    assert (shown["State"], shown["Notes"]) == ("PENDING_APPROVAL", "have a look")
    for call in (others.get_delegation_request, others.update_delegation_request, iam.accept_delegation_request):
        assert code_of(call, DelegationRequestId=asked) == "AccessDenied"
    assert code_of(iam.send_delegation_token, DelegationRequestId=asked) == "InvalidInput"
    boss.accept_delegation_request(DelegationRequestId=asked)
    assert code_of(boss.send_delegation_token, DelegationRequestId=asked) == "AccessDenied"
    iam.send_delegation_token(DelegationRequestId=asked)
    heard = [one["State"] for one in partner.heard(asked)]
    assert heard == ["PENDING_APPROVAL", "ACCEPTED", "FINALIZED"]
    for call in (boss.reject_delegation_request, boss.send_delegation_token, boss.update_delegation_request):
        assert code_of(call, DelegationRequestId=asked) == "InvalidInput"


def test_what_is_rejected_comes_to_nothing(gateway: Gateway, partner: Partner) -> None:
    boss, asked = gateway.client("iam", approver(gateway)), partner.ask()
    assert code_of(boss.accept_delegation_request, DelegationRequestId=asked) == "NoSuchEntity"
    assert code_of(boss.reject_delegation_request, DelegationRequestId=asked) == "InvalidInput"
    boss.associate_delegation_request(DelegationRequestId=asked)
    assert code_of(boss.associate_delegation_request, DelegationRequestId=asked) == "InvalidInput"
    boss.accept_delegation_request(DelegationRequestId=asked)
    boss.reject_delegation_request(DelegationRequestId=asked, Notes="no more")
    shown = boss.get_delegation_request(DelegationRequestId=asked)["DelegationRequest"]
    assert (shown["State"], shown["RejectionReason"]) == ("REJECTED", "no more")
    assert code_of(boss.send_delegation_token, DelegationRequestId=asked) == "InvalidInput"
    assert code_of(boss.accept_delegation_request, DelegationRequestId=asked) == "NoSuchEntity"


def test_what_is_another_account_s_is_nothing(gateway: Gateway, partner: Partner) -> None:
    """The attacks: a third account looks, takes over, and trades in a token that it has seen."""
    made = gateway.client("kansatsu").create_account()
    third = Keys(made["AccessKeyId"], made["SecretAccessKey"])
    iam, boss = gateway.client("iam", third), gateway.client("iam", approver(gateway))
    aimed, taken = partner.ask(OwnerAccountId=ACCOUNT), partner.ask()
    boss.associate_delegation_request(DelegationRequestId=taken)
    for asked in (aimed, taken, "dr-00000000000000000000"):
        arn = f"arn:aws:iam::{ACCOUNT}:delegation-request/{asked}"
        assert code_of(iam.get_human_readable_summary, EntityArn=arn) == "NoSuchEntity"
        for name in ("get", "associate", "update", "accept", "reject"):
            assert code_of(getattr(iam, f"{name}_delegation_request"), DelegationRequestId=asked) == "NoSuchEntity"
        assert code_of(iam.send_delegation_token, DelegationRequestId=asked) == "NoSuchEntity"
    boss.accept_delegation_request(DelegationRequestId=taken)
    boss.send_delegation_token(DelegationRequestId=taken)
    token = partner.heard(taken)[-1]["TradeInToken"]
    for keys in (third, approver(gateway)):
        assert code_of(gateway.client("sts", keys).get_delegated_access_token, TradeInToken=token) == "ValidationError"
    for wrong in ("x", token[:-4], f"AAAA{token[4:]}"):
        assert code_of(partner.trade, token=wrong) == "ValidationError"
    partner.trade(token)
    assert code_of(boss.get_human_readable_summary, EntityArn=f"arn:aws:iam::{ACCOUNT}:user/x") == "InvalidInput"


def test_time_ends_it(gateway: Gateway, partner: Partner) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html (states)"""
    from kansatsu.identity import credentials
    from kansatsu.identity.delegations import KIND

    boss, left, open_ = gateway.client("iam", approver(gateway)), partner.ask(), partner.ask()

    def age(id: str, **details: float) -> None:
        with gateway.store.write() as conn:
            item = credentials.by_id(conn, id, KIND)
            assert item is not None
            changed = {name: item.details[name] - seconds for name, seconds in details.items()}
            credentials.change(conn, gateway.store.sealer, item, details=changed)

    age(left, updated=86401.0)
    assert boss.get_delegation_request(DelegationRequestId=left)["DelegationRequest"]["State"] == "EXPIRED"
    assert code_of(boss.associate_delegation_request, DelegationRequestId=left) == "InvalidInput"
    for step in (boss.associate_delegation_request, boss.accept_delegation_request, boss.send_delegation_token):
        age(open_, updated=80000.0)
        step(DelegationRequestId=open_)
    token = partner.heard(open_)[-1]["TradeInToken"]
    age(open_, until=601.0)
    sts = gateway.client("sts", gateway.stranger)
    assert code_of(sts.get_delegated_access_token, TradeInToken=token) == "ExpiredTradeInTokenException"
    age(left, updated=8 * 86400.0)
    partner.ask()
    assert code_of(boss.get_delegation_request, DelegationRequestId=left) == "NoSuchEntity"


def test_what_is_no_request(gateway: Gateway, partner: Partner) -> None:
    asked = partner.asked()
    partner.iam.create_delegation_request(**asked)
    assert code_of(partner.iam.create_delegation_request, **asked) == "EntityAlreadyExists"
    plain = partner.iam.create_policy(PolicyName=gateway.name("plain"), PolicyDocument=TEMPLATE)["Policy"]["Arn"]
    bucket = {"Name": "bucket", "Values": ["b"], "Type": "string"}
    wrong: list[dict[str, Any]] = [
        {"Permissions": {"PolicyTemplateArn": plain, "Parameters": [bucket]}},
        {"Permissions": {"PolicyTemplateArn": "arn:aws:iam::aws:policy/AdministratorAccess"}},
        {"Permissions": {"PolicyTemplateArn": partner.template}},
        {"Permissions": {"PolicyTemplateArn": partner.template, "Parameters": [bucket, {**bucket, "Name": "other"}]}},
        {"Permissions": {"PolicyTemplateArn": partner.template, "Parameters": [{**bucket, "Values": ["a", "b"]}]}},
        {"NotificationChannel": f"arn:aws:sns:us-east-1:{ACCOUNT}:topic"},
        {"NotificationChannel": f"arn:aws:sns:us-east-1:{SECOND}:nowhere"},
    ]
    for each in wrong:
        assert code_of(partner.iam.create_delegation_request, **partner.asked(**each)) == "InvalidInput", each
    partner.open("Deny")
    assert code_of(partner.ask) == "InvalidInput"
    partner.open()


@pytest.mark.parametrize("case", CREATED, ids=lambda case: case.key)
def test_a_key_decides_about_a_request(gateway: Gateway, partner: Partner, case: Case) -> None:
    boss = partner.iam
    name = gateway.name("asker")
    boss.create_user(UserName=name)
    key = boss.create_access_key(UserName=name)["AccessKey"]
    iam = gateway.client("iam", Keys(key["AccessKeyId"], key["SecretAccessKey"]))
    right = {"TOPIC": partner.topic, "TEMPLATE": partner.template}.get(case.right, case.right)
    for value, code in ((case.wrong, "AccessDenied"), (right, "")):
        allows = statement("Allow", "iam:CreateDelegationRequest", condition={"StringEquals": {case.key: value}})
        boss.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document(allows))
        if code:
            assert code_of(iam.create_delegation_request, **partner.asked()) == code
        else:
            iam.create_delegation_request(**partner.asked())


def test_a_key_decides_whose_requests_are_listed(gateway: Gateway) -> None:
    mine = f"arn:aws:iam::{ACCOUNT}:user/mine"
    only = statement(
        "Allow", "iam:ListDelegationRequests", condition={"ArnEquals": {"iam:DelegationRequestOwner": mine}}
    )
    iam = gateway.client("iam", gateway.user(only))
    iam.list_delegation_requests(OwnerId=mine)
    assert code_of(iam.list_delegation_requests, OwnerId=f"{mine}-not") == "AccessDenied"
    assert code_of(iam.list_delegation_requests) == "AccessDenied"


def opened(gateway: Gateway, keys: Keys) -> Session:
    session = sessions.open(gateway.store.sealer, keys.token, keys.id, gateway.clock.now())
    assert session is not None
    return session


def test_attack_a_session_lends_longer_than_it_has(gateway: Gateway, partner: Partner) -> None:
    """INVARIANT: no session is outlived by what it lent: it could go on for ever, with itself as the partner."""
    keys = gateway.session(gateway.role(EVERYTHING), minutes=1)
    made = opened(gateway, lent(partner, keys, partner.ask(SessionDuration=43200)))
    assert made.expires - gateway.clock.now() <= timedelta(minutes=1)


def test_attack_a_policy_that_revokes_older_sessions_is_met_after_the_trade(gateway: Gateway, partner: Partner) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html"""
    role = gateway.role(EVERYTHING)
    keys = gateway.session(role)
    issued = opened(gateway, keys).issued
    made = lent(partner, keys, partner.ask())
    moment = (issued + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    older = EVERYTHING | {"Effect": "Deny", "Condition": {"DateLessThan": {"aws:TokenIssueTime": moment}}}
    gateway.iam.put_role_policy(RoleName=role["RoleName"], PolicyName="Older", PolicyDocument=document(older))
    for one in (keys, made):
        assert code_of(gateway.client("iam", one).list_users) == "AccessDenied"


def test_attack_a_partner_acts_as_if_it_were_the_console(gateway: Gateway, partner: Partner) -> None:
    """INVARIANT: what a partner does is shown where what the approver's console does is left out."""
    keys = gateway.session(gateway.role(EVERYTHING), source={"console": "sign-in"})
    assert "console" not in opened(gateway, lent(partner, keys, partner.ask())).source


def test_attack_the_limits_of_get_session_token_are_lent_away(gateway: Gateway, partner: Partner) -> None:
    user = gateway.iam.get_user(UserName=gateway.user(EVERYTHING).name)["User"]
    now = gateway.clock.now()
    made, token = sessions.issue(
        gateway.store,
        account=ACCOUNT,
        principal_id=user["UserId"],
        principal_name=user["UserName"],
        kind="user",
        issued=now,
        expires=now + timedelta(minutes=5),
        mfa=now,
    )
    keys = lent(partner, Keys(made.access_key_id, made.secret.value, token), partner.ask())
    assert not is_itself(opened(gateway, keys))


def test_attack_parameters_that_multiply(gateway: Gateway, partner: Partner) -> None:
    """INVARIANT: what would be too long is refused before it is made: 2^40 texts would be the end of the process."""
    text = document(statement("Allow", "s3:GetObject", "arn:aws:s3:::b/" + "@{names}" * 40))
    made = partner.iam.create_policy(PolicyName=gateway.name("bomb"), Path="/delegation-template/", PolicyDocument=text)
    many = [{"Name": "names", "Type": "stringList", "Values": ["a", "b"]}]
    asked = partner.asked(Permissions={"PolicyTemplateArn": made["Policy"]["Arn"], "Parameters": many})
    with pytest.raises(ClientError, match="longer than"):
        partner.iam.create_delegation_request(**asked)


def test_attack_a_learning_session_trades_in_a_token(gateway: Gateway, partner: Partner) -> None:
    """INVARIANT: nobody leaves a learning session for one that learns nothing and has other bounds."""
    starter = gateway.user(statement("Allow", ["kansatsu:*", "iam:PassRole", "sts:*"]))
    with learner(gateway, starter, task_role(gateway)) as learning:
        sts = learning.client("sts")
        with pytest.raises(ClientError, match="learning session"):
            sts.get_delegated_access_token(TradeInToken="anything")


def test_what_comes_to_more_than_a_session_has_room_for(gateway: Gateway, partner: Partner) -> None:
    many = {"Name": "bucket", "Type": "stringList", "Values": [f"{one * 7919**3 % 2**60:x}" for one in range(1, 400)]}
    asked = partner.ask(Permissions={"PolicyTemplateArn": partner.template, "Parameters": [many]})
    token = handed(partner, approver(gateway), asked)
    with pytest.raises(ClientError, match="PackedPolicyTooLarge"):
        gateway.client("sts", gateway.stranger).get_delegated_access_token(TradeInToken=token)
