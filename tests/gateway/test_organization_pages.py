"""Every paginator that boto3 has for Organizations: item by item it is the same list as all at once.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html (NextToken of all List operations)
"""

from typing import Any

import boto3
import pytest

from .conftest import Gateway
from .organized import EVERYTHING, Organized
from .raw import Keys
from .test_organizations import NOBODY, SCP, error

SERVICES = ("config.amazonaws.com", "guardduty.amazonaws.com", "access-analyzer.amazonaws.com")
# No more than one of these can there be, and tags have no MaxResults: 50, all that a resource may have, are one page.
ONE_PAGE = {"ListParents": 1, "ListRoots": 1, "ListTagsForResource": 3}
# What these two would tell needs policies of types that are not here.
NOT_HERE = {
    "ListAccountsWithInvalidEffectivePolicy": {"PolicyType": "TAG_POLICY"},
    "ListEffectivePolicyValidationErrors": {"PolicyType": "TAG_POLICY", "AccountId": NOBODY},
}


@pytest.fixture(scope="module")
def org(gateway: Gateway) -> Organized:
    """One in which everything is there at least twice."""
    org = Organized(gateway)
    org.unit(org.outer)
    members = [org.account(org.outer) for _ in range(2)]
    policies = [org.policy(EVERYTHING) for _ in range(2)]
    for policy in policies:
        for target in (org.outer, members[0]):
            org.api.attach_policy(PolicyId=policy, TargetId=target)
    for service in SERVICES:
        org.api.enable_aws_service_access(ServicePrincipal=service)
        for member in members:
            org.api.register_delegated_administrator(AccountId=member, ServicePrincipal=service)
    org.api.tag_resource(ResourceId=org.outer, Tags=[{"Key": f"k{number}", "Value": "v"} for number in range(3)])
    return org


def asked(org: Organized) -> dict[str, dict[str, str]]:
    [member, *_] = [each["Id"] for each in org.api.list_accounts_for_parent(ParentId=org.outer)["Accounts"]]
    held = org.api.list_policies_for_target(TargetId=org.outer, Filter=SCP)["Policies"]
    policy = next(each["Id"] for each in held if not each["AwsManaged"])
    return {
        "ListAWSServiceAccessForOrganization": {},
        "ListAccounts": {},
        "ListAccountsForParent": {"ParentId": org.outer},
        "ListChildren": {"ParentId": org.outer, "ChildType": "ACCOUNT"},
        "ListCreateAccountStatus": {},
        "ListDelegatedAdministrators": {},
        "ListDelegatedServicesForAccount": {"AccountId": member},
        "ListHandshakesForOrganization": {},
        "ListOrganizationalUnitsForParent": {"ParentId": org.outer},
        "ListParents": {"ChildId": org.inner},
        "ListPolicies": {"Filter": SCP},
        "ListPoliciesForTarget": {"TargetId": org.outer, "Filter": SCP},
        "ListRoots": {},
        "ListTagsForResource": {"ResourceId": org.outer},
        "ListTargetsForPolicy": {"PolicyId": policy},
    }


def test_item_by_item_is_all_at_once(org: Organized) -> None:
    guests = [stranger(org) for _ in range(2)]
    for guest, _ in guests:
        org.api.invite_account_to_organization(Target={"Type": "ACCOUNT", "Id": guest})
    params = asked(org)
    assert set(paginators()) == set(params) | set(NOT_HERE) | {"ListHandshakesForAccount"}, (
        "boto3 has another paginator"
    )
    for operation, given in params.items():
        paged(org.api, operation, given)


def test_invitations_of_an_account_too(gateway: Gateway, org: Organized) -> None:
    guest, keys = stranger(org)
    for api in (org.api, Organized(gateway).api):
        api.invite_account_to_organization(Target={"Type": "ACCOUNT", "Id": guest})
    paged(org.client("organizations", keys), "ListHandshakesForAccount", {})


def test_a_page_goes_on_where_it_was_cut_and_nowhere_else(org: Organized) -> None:
    token = org.api.list_accounts(MaxResults=1)["NextToken"]
    assert org.api.list_accounts(NextToken=token)["Accounts"] == org.api.list_accounts()["Accounts"][1:]
    invalid = "InvalidInputException INVALID_NEXT_TOKEN"
    assert error(org.api.list_accounts, NextToken="nonsense") == invalid


@pytest.mark.parametrize("operation", NOT_HERE)
def test_what_there_is_not(org: Organized, operation: str) -> None:
    assert error(getattr(org.api, methods(org.api)[operation]), **NOT_HERE[operation]) == "NotImplemented"


def stranger(org: Organized) -> tuple[str, Keys]:
    """An account in no organization, and its administrator."""
    made = org.gateway.client("kansatsu").create_account()
    return made["Account"]["Id"], Keys(made["AccessKeyId"], made["SecretAccessKey"])


def paginators() -> dict[str, Any]:
    return dict(boto3.session.Session()._session.get_paginator_model("organizations")._paginator_config)


def methods(api: Any) -> dict[str, str]:
    return {operation: name for name, operation in api.meta.method_to_api_mapping.items()}


def paged(api: Any, operation: str, given: dict[str, str]) -> None:
    key = paginators()[operation]["result_key"]
    pages = api.get_paginator(methods(api)[operation])
    whole = pages.paginate(**given).build_full_result()[key]
    assert len(whole) >= ONE_PAGE.get(operation, 2), operation
    single = {} if operation == "ListTagsForResource" else {"PageSize": 1}
    shown = list(pages.paginate(**given, PaginationConfig=single))
    assert [item for page in shown for item in page[key]] == whole, operation
    assert len(shown) == (1 if operation in ONE_PAGE else len(whole)), operation
    assert ["NextToken" in page for page in shown] == [True] * (len(shown) - 1) + [False], operation
