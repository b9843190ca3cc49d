"""EnableAllFeatures: an organization of consolidated billing has no SCPs until all who were invited have approved.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_org_support-all-features.html
"""

from typing import Any

import pytest

from . import raw
from .conftest import Gateway
from .raw import Keys, statement
from .test_organizations import SCP, boss, error
from .test_tags import code_of

WRONG = "InvalidHandshakeTransitionException"
BILLING = "CONSOLIDATED_BILLING"


class Billing:
    """An organization of consolidated billing with two accounts that were invited and one that it made."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.id, _keys, self.api = boss(gateway)
        self.api.create_organization(FeatureSet=BILLING)
        self.root = self.api.list_roots()["Roots"][0]["Id"]
        self.invited = [self.joined() for _ in range(2)]
        name = gateway.name("member")
        self.api.create_account(AccountName=name, Email=f"{name}@example.com")

    def joined(self) -> tuple[str, Keys, Any]:
        account, keys, api = boss(self.gateway)
        made = self.api.invite_account_to_organization(Target={"Type": "ACCOUNT", "Id": account})["Handshake"]
        api.accept_handshake(HandshakeId=made["Id"])
        return account, keys, api

    @property
    def features(self) -> str:
        return str(self.api.describe_organization()["Organization"]["FeatureSet"])


@pytest.fixture
def billing(gateway: Gateway) -> Billing:
    return Billing(gateway)


def asked(api: Any) -> dict[str, Any]:
    [found] = api.list_handshakes_for_account(Filter={"ActionType": "APPROVE_ALL_FEATURES"})["Handshakes"]
    return dict(found)


def test_all_who_were_invited_approve_and_policies_bind_them(gateway: Gateway, billing: Billing) -> None:
    api = billing.api
    assert error(api.enable_policy_type, RootId=billing.root, PolicyType=SCP).startswith("PolicyTypeNotAvailable")
    whole = api.enable_all_features()["Handshake"]
    assert (whole["Action"], whole["State"]) == ("ENABLE_ALL_FEATURES", "REQUESTED")
    again = "HandshakeConstraintViolationException ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION"
    assert error(api.enable_all_features) == again
    stranger, _, _ = boss(gateway)
    refused = error(api.invite_account_to_organization, Target={"Type": "ACCOUNT", "Id": stranger})
    assert refused == "HandshakeConstraintViolationException INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES"
    children = api.list_handshakes_for_organization(Filter={"ParentHandshakeId": whole["Id"]})["Handshakes"]
    assert {one["Parties"][1]["Id"] for one in children} == {account for account, _, _ in billing.invited}
    for _account, _keys, member in billing.invited:
        assert (error(api.accept_handshake, HandshakeId=whole["Id"]), billing.features) == (
            WRONG,
            "CONSOLIDATED_BILLING",
        )
        member.accept_handshake(HandshakeId=asked(member)["Id"])
    assert api.describe_handshake(HandshakeId=whole["Id"])["Handshake"]["State"] == "OPEN"
    assert billing.features == BILLING, "the management account has the last word"
    api.accept_handshake(HandshakeId=whole["Id"])
    assert billing.features == "ALL"
    assert error(api.enable_all_features).endswith("ORGANIZATION_ALREADY_HAS_ALL_FEATURES")
    _account, keys, _api = billing.invited[0]
    queues = gateway.client("sqs", keys)
    assert code_of(queues.list_queues) == ""
    api.enable_policy_type(RootId=billing.root, PolicyType=SCP)
    content = raw.document(statement("Deny", "sqs:*"))
    made = api.create_policy(Content=content, Description="", Name="no-queues", Type=SCP)["Policy"]["PolicySummary"]
    api.attach_policy(PolicyId=made["Id"], TargetId=billing.root)
    assert code_of(queues.list_queues) == "AccessDenied"


def test_attack_the_management_account_approves_for_a_member(billing: Billing) -> None:
    api, (first, second) = billing.api, billing.invited
    whole = api.enable_all_features()["Handshake"]
    mine = asked(first[2])["Id"]
    assert error(api.accept_handshake, HandshakeId=mine) == "AccessDeniedException"
    assert error(second[2].accept_handshake, HandshakeId=mine) == "HandshakeNotFoundException"
    assert error(first[2].accept_handshake, HandshakeId=whole["Id"]) == "HandshakeNotFoundException"
    second[2].accept_handshake(HandshakeId=asked(second[2])["Id"])
    first[2].decline_handshake(HandshakeId=mine)
    assert (error(api.accept_handshake, HandshakeId=whole["Id"]), billing.features) == (WRONG, BILLING)


def test_attack_a_member_that_was_never_asked(gateway: Gateway, billing: Billing) -> None:
    """An account that was invited before, and joins once all others have approved."""
    api, (late, _, joining) = billing.api, boss(gateway)
    invitation = api.invite_account_to_organization(Target={"Type": "ACCOUNT", "Id": late})["Handshake"]
    whole = api.enable_all_features()["Handshake"]
    for _account, _keys, member in billing.invited:
        member.accept_handshake(HandshakeId=asked(member)["Id"])
    joining.accept_handshake(HandshakeId=invitation["Id"])
    assert (error(api.accept_handshake, HandshakeId=whole["Id"]), billing.features) == (WRONG, BILLING)


def test_what_is_given_up_asks_nobody_and_can_begin_anew(billing: Billing) -> None:
    api, member = billing.api, billing.invited[0][2]
    whole, mine = api.enable_all_features()["Handshake"], asked(member)["Id"]
    api.cancel_handshake(HandshakeId=whole["Id"])
    assert member.describe_handshake(HandshakeId=mine)["Handshake"]["State"] == "CANCELED"
    assert error(member.accept_handshake, HandshakeId=mine) == WRONG
    assert api.enable_all_features()["Handshake"]["Id"] != whole["Id"]


def test_nobody_but_the_management_account_may(billing: Billing) -> None:
    assert error(billing.invited[0][2].enable_all_features) == "AccessDeniedException"
