"""Last accessed services of an organization: which SCPs allow a service, and whose use counts.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateOrganizationsAccessReport.html
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Gateway
from .organized import FULL, Organized
from .raw import Keys, statement


@pytest.fixture(scope="module")
def org(gateway: Gateway) -> Organized:
    """The member below outer and inner uses SQS and IAM, the other one SNS; the outer unit denies S3."""
    made = Organized(gateway)
    for account, service in ((made.member, "sqs"), (made.other, "sns")):
        client = made.client(service, made.inside(account))
        client.list_queues() if service == "sqs" else client.list_topics()
    made.client("iam", made.inside(made.member)).list_users()
    made.attach(made.outer, statement("Deny", "s3:*"))
    return made


def told(org: Organized, *below: str, keys: Keys | None = None, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report on the entity at the end of a path below the root, and its services by namespace."""
    iam = org.client("iam", keys or org.boss)
    path = "/".join((org.id, org.root, *below))
    job = iam.generate_organizations_access_report(EntityPath=path, **more)["JobId"]
    found = iam.get_organizations_access_report(JobId=job, MaxItems=1000)
    return found, {item["ServiceNamespace"]: item for item in found["AccessDetails"]}


def used(services: dict[str, Any]) -> dict[str, str]:
    """What was used, and in which account it was last."""
    return {name: item["EntityPath"].split("/")[-1] for name, item in services.items() if "EntityPath" in item}


def test_each_entity_has_the_services_and_the_use_below_it(org: Organized) -> None:
    member, other = org.member, org.other
    whole, services = told(org)
    assert used(services).items() >= {"sqs": member, "sns": other}.items()
    assert "s3" in services  # what hangs on the root allows it
    assert whole["NumberOfServicesAccessible"] == len(services)
    assert whole["NumberOfServicesNotAccessed"] == len(services) - len(used(services))
    assert (whole["JobStatus"], services["sqs"]["TotalAuthenticatedEntities"]) == ("COMPLETED", 1)
    assert services["sqs"]["EntityPath"] == "/".join((org.id, org.root, org.outer, org.inner, member))
    for below in ((org.outer,), (org.outer, org.inner), (org.outer, org.inner, member)):
        _, services = told(org, *below)
        assert "s3" not in services
        assert used(services)["sqs"] == member
        assert "EntityPath" not in services["sns"]
        assert services["sns"]["TotalAuthenticatedEntities"] == 0
    _, services = told(org, other)
    assert (used(services)["sns"], "sqs" in used(services), "s3" in services) == (other, False, True)
    # The management account is not limited, and counts nowhere else.
    _, services = told(org, org.management)
    assert set(used(services).values()) == {org.management}
    assert org.management not in used(told(org)[1]).values()


def test_a_policy_counts_where_it_hangs_at_or_below_the_entity(org: Organized) -> None:
    policy = org.attach(org.inner, statement("Allow", ["sqs:*", "sns:ListTopics"]))
    try:
        for below, whose in (((), org.member), ((org.outer,), org.member), ((org.other,), None)):
            _, services = told(org, *below, OrganizationsPolicyId=policy)
            assert set(services) == {"sqs", "sns"}
            assert used(services) == ({"sqs": whose} if whose else {})
        # It hangs on the unit above, not on the account.
        _, services = told(org, org.outer, org.inner, org.member, OrganizationsPolicyId=policy)
        assert used(services) == {}
        _, services = told(org, org.management, OrganizationsPolicyId=policy)  # ignored there
        assert "s3" in services
        _, services = told(org, OrganizationsPolicyId=FULL)
        assert used(services).items() >= {"sqs": org.member, "sns": org.other}.items()
    finally:
        org.take(policy, org.inner)


def test_the_order_and_pages(org: Organized) -> None:
    iam = org.client("iam", org.boss)
    job = iam.generate_organizations_access_report(EntityPath=f"{org.id}/{org.root}")["JobId"]

    def listed(key: str) -> list[Any]:
        found, more = [], {}
        while True:
            page = iam.get_organizations_access_report(JobId=job, MaxItems=150, SortKey=key, **more)
            found += page["AccessDetails"]
            if not page["IsTruncated"]:
                return found
            more = {"Marker": page["Marker"]}

    names = [item["ServiceNamespace"] for item in listed("SERVICE_NAMESPACE_ASCENDING")]
    assert names == sorted(names)
    assert [item["ServiceNamespace"] for item in listed("SERVICE_NAMESPACE_DESCENDING")] == names[::-1]
    newest = [item.get("LastAuthenticatedTime") for item in listed("LAST_AUTHENTICATED_TIME_DESCENDING")]
    times = [time for time in newest if time is not None]
    assert times == sorted(times, reverse=True) == newest[: len(times)]
    assert listed("LAST_AUTHENTICATED_TIME_ASCENDING")[-1]["LastAuthenticatedTime"] == times[0]


def test_who_is_told_nothing(gateway: Gateway, org: Organized) -> None:
    """INVARIANT: what the accounts of an organization do is told in its management account alone, to who asked."""
    path = f"{org.id}/{org.root}"
    for keys, said in (
        (org.inside(org.member), r"AccessDenied.*management account"),
        (gateway.admin, r"InvalidInput.*in no organization"),
    ):
        with pytest.raises(ClientError, match=said):
            told(org, keys=keys)
    job = org.client("iam", org.boss).generate_organizations_access_report(EntityPath=path)["JobId"]
    colleague = org.client("iam", org.person(org.management))
    for ask in (
        colleague.get_organizations_access_report,
        org.client("iam", org.boss).get_service_last_accessed_details,
    ):
        with pytest.raises(ClientError, match="NoSuchEntity"):
            ask(JobId=job)
    one = org.client("iam", org.boss).generate_service_last_accessed_details(
        Arn=f"arn:aws:iam::{org.management}:user/admin"
    )["JobId"]
    with pytest.raises(ClientError, match="NoSuchEntity"):
        org.client("iam", org.boss).get_organizations_access_report(JobId=one)
    for below, more in (
        ((org.inner,), {}),  # it is below the outer unit
        (("ou-none-12345678",), {}),
        ((), {"OrganizationsPolicyId": "p-nobodyhasthis"}),
    ):
        with pytest.raises(ClientError, match="InvalidInput"):
            told(org, *below, **more)


def test_a_policy_may_decide_by_the_scp_that_is_asked_about(org: Organized) -> None:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html"""
    only = {"StringEquals": {"iam:OrganizationsPolicyId": FULL}}
    own = f"arn:aws:iam::{org.management}:access-report/{org.id}/{org.root}"
    keys = org.person(
        org.management,
        statement("Allow", "iam:GenerateOrganizationsAccessReport", own, condition=only),
        statement("Allow", "iam:GetOrganizationsAccessReport"),
    )
    assert "sqs" in told(org, keys=keys, OrganizationsPolicyId=FULL)[1]
    for below, more in (((), {}), ((org.outer,), {"OrganizationsPolicyId": FULL})):
        with pytest.raises(ClientError, match=r"AccessDenied.*iam:GenerateOrganizationsAccessReport"):
            told(org, *below, keys=keys, **more)
