"""Amazon Redshift: credentials of its databases, and what its Data API logs in with.

https://docs.aws.amazon.com/redshift/latest/mgmt/generating-iam-credentials-role-permissions.html
"""

import pytest

from .test_services import Case, at, resolve

CASES: dict[str, list[Case]] = {
    "redshift": [
        (
            "GetClusterCredentials",
            {"ClusterIdentifier": "c", "DbUser": "u", "DbName": "d"},
            [f"redshift:GetClusterCredentials {at('redshift', r)}" for r in ("dbname:c/d", "dbuser:c/u")],
        ),
        (
            "GetClusterCredentials",
            {"ClusterIdentifier": "c", "DbUser": "u", "DbGroups": ["g", "h"]},
            [f"redshift:GetClusterCredentials {at('redshift', 'dbuser:c/u')}"]
            + [f"redshift:JoinGroup {at('redshift', r)}" for r in ("dbgroup:c/g", "dbgroup:c/h")],
        ),
        (
            "GetClusterCredentials",
            {"ClusterIdentifier": "c", "DbUser": "u", "AutoCreate": True},
            [
                f"redshift:{action} {at('redshift', 'dbuser:c/u')}"
                for action in ("GetClusterCredentials", "CreateClusterUser")
            ],
        ),
        (
            "GetClusterCredentials",
            {"ClusterIdentifier": "c", "DbUser": "u", "AutoCreate": False},
            [f"redshift:GetClusterCredentials {at('redshift', 'dbuser:c/u')}"],
        ),
        (
            "GetClusterCredentialsWithIAM",
            {"ClusterIdentifier": "c", "DbName": "d"},
            [f"redshift:GetClusterCredentialsWithIAM {at('redshift', 'dbname:c/d')}"],
        ),
    ],
    "redshift-data": [
        (
            "ExecuteStatement",
            {"ClusterIdentifier": "c", "Database": "d", "DbUser": "u"},
            [f"redshift-data:ExecuteStatement {at('redshift', 'cluster:c')}"]
            + [f"redshift:GetClusterCredentials {at('redshift', r)}" for r in ("dbuser:c/u", "dbname:c/d")],
        ),
        (
            "ListTables",
            {"ClusterIdentifier": "c", "Database": "d"},
            [
                f"redshift-data:ListTables {at('redshift', 'cluster:c')}",
                f"redshift:GetClusterCredentialsWithIAM {at('redshift', 'dbname:c/d')}",
            ],
        ),
        (
            "ListTables",
            {"WorkgroupName": at("redshift-serverless", "workgroup/w"), "Database": "d"},
            [
                f"{action} {at('redshift-serverless', 'workgroup/w')}"
                for action in ("redshift-data:ListTables", "redshift-serverless:GetCredentials")
            ],
        ),
    ],
}


@pytest.mark.parametrize(("service", "case"), [(name, case) for name, cases in CASES.items() for case in cases])
def test_exactly_this(service: str, case: Case) -> None:
    operation, params, expected = case
    found = resolve(service, operation, params)
    assert sorted(f"{item.action} {item.resource}" for item in found) == sorted(expected)
    assert all(item.exact for item in found)
