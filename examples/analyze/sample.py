"""A small account and its trail, to try `kansatsu analyze` on: python examples/analyze/sample.py DIR

Ninety days of a team's calls, ended yesterday: a deployment role that may do everything and does little, a role that
somebody forgot, a person who left, a role that was deleted and made again, an hour of logs that was cut off.
"""

import gzip
import json
import random
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ACCOUNT = "123456789012"
CREATED = "2025-01-01T00:00:00+00:00"
ROLES = {"deploy": "AROADEPLOY0000000001", "orders": "AROAORDERS0000000002", "reports": "AROAREPORTS000000002",
         "batch": "AROABATCH00000000001", "forgotten": "AROAFORGOTTEN0000001",
         "AWSReservedSSO_ReadOnly_0123456789abcdef": "AROASSO0000000000001"}  # fmt: skip
USERS = {"alice": "AIDAALICE00000000001", "bob": "AIDABOB0000000000001"}
# who, source, name, calls a day, until how many days ago, further members
HABITS: tuple[tuple[str, str, str, float, int, dict[str, Any]], ...] = (
    ("deploy", "cloudformation", "DescribeStacks", 4, 1, {}),
    ("deploy", "lambda", "UpdateFunctionCode20150331v2", 1, 1, {"readOnly": False}),
    ("deploy", "lambda", "CreateFunction20150331", 0.1, 12,
     {"readOnly": False, "requestParameters": {"role": f"arn:aws:iam::{ACCOUNT}:role/orders"}}),
    ("deploy", "s3", "ListBuckets", 0.5, 20, {}),
    ("orders", "kms", "Decrypt", 8, 1,
     {"resources": [{"ARN": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-4333-8444-555555555555"}]}),
    ("orders", "ec2", "DescribeInstances", 2, 1, {}),
    ("orders", "secretsmanager", "GetSecretValue", 1, 1, {}),
    ("reports", "athena", "StartQueryExecution", 0.4, 45, {"readOnly": False}),
    ("reports", "glue", "GetTable", 0.8, 45, {}),
    ("reports", "s3", "GetBucketLocation", 0.8, 45, {}),
    ("batch", "ec2", "RunInstances", 0.3, 5, {"readOnly": False}),
    ("batch", "ec2", "TerminateInstances", 0.3, 5, {"readOnly": False, "errorCode": "Client.UnauthorizedOperation"}),
    ("AWSReservedSSO_ReadOnly_0123456789abcdef", "iam", "ListRoles", 0.6, 3, {}),
    ("alice", "iam", "ListUsers", 1, 2, {}),
    ("alice", "sts", "GetCallerIdentity", 2, 1, {}),
    ("bob", "ec2", "DescribeInstances", 1, 70, {}),
)  # fmt: skip


def arn(name: str) -> str:
    if name in USERS:
        return f"arn:aws:iam::{ACCOUNT}:user/{name}"
    path = "aws-reserved/sso.amazonaws.com/" if name.startswith("AWSReserved") else ""
    return f"arn:aws:iam::{ACCOUNT}:role/{path}{name}"


def identity(name: str, unique: str = "") -> dict[str, Any]:
    if name in USERS:
        return {"type": "IAMUser", "principalId": USERS[name], "arn": arn(name), "accountId": ACCOUNT, "userName": name}
    unique = unique or ROLES[name]
    issuer = {"type": "Role", "principalId": unique, "arn": arn(name), "accountId": ACCOUNT, "userName": name}
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/run"
    return {"type": "AssumedRole", "principalId": f"{unique}:run", "arn": session, "accountId": ACCOUNT,
            "sessionContext": {"sessionIssuer": issuer}}  # fmt: skip


def record(
    luck: random.Random, who: dict[str, Any], source: str, name: str, time: datetime, more: dict[str, Any]
) -> Any:
    return {
        "eventVersion": "1.11", "userIdentity": who, "eventTime": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{source}.amazonaws.com", "eventName": name, "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.7", "userAgent": "aws-cli/2.31",
        "requestParameters": None, "responseElements": None,
        "requestID": str(uuid.UUID(int=luck.getrandbits(128))), "eventID": str(uuid.UUID(int=luck.getrandbits(128))),
        "readOnly": True, "eventType": "AwsApiCall", "managementEvent": True, "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    } | more  # fmt: skip


def days(now: datetime, luck: random.Random) -> Iterator[tuple[datetime, list[Any]]]:
    for ago in range(90, 0, -1):
        day = (now - timedelta(days=ago)).replace(hour=0, minute=0, second=0, microsecond=0)
        found = []
        for name, source, event, often, until, more in HABITS:
            count = int(often) + (luck.random() < often % 1) if ago >= until else 0
            times = [day + timedelta(seconds=luck.randrange(86400)) for _ in range(count)]
            found += [record(luck, identity(name), source, event, time, more) for time in times]
        if ago > 60:  # the reports role that was deleted: another one than today's
            old = identity("reports", "AROAREPORTS000000001")
            found.append(record(luck, old, "redshift", "DescribeClusters", day + timedelta(hours=9), {}))
        yield day, sorted(found, key=lambda item: str(item["eventTime"]))


def details() -> dict[str, Any]:
    def document(*actions: str, resource: Any = "*") -> dict[str, Any]:
        return {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}],
        }

    def role(name: str, policies: list[Any], attached: list[str]) -> dict[str, Any]:
        return {
            "Path": arn(name).partition(":role")[2][: -len(name)], "RoleName": name, "RoleId": ROLES[name],
            "Arn": arn(name), "CreateDate": CREATED, "RolePolicyList": policies,
            "AssumeRolePolicyDocument": {}, "InstanceProfileList": [],
            "AttachedManagedPolicies": [
                {"PolicyName": item.rpartition("/")[2], "PolicyArn": item} for item in attached
            ],
        }  # fmt: skip

    def inline(*actions: str) -> list[Any]:
        return [{"PolicyName": "app", "PolicyDocument": document(*actions)}]

    team = f"arn:aws:iam::{ACCOUNT}:policy/team"
    user = {
        "Path": "/",
        "CreateDate": CREATED,
        "GroupList": ["people"],
        "AttachedManagedPolicies": [],
    }
    return {
        "UserDetailList": [user | {"UserName": name, "UserId": id_, "Arn": arn(name)} for name, id_ in USERS.items()],
        "GroupDetailList": [
            {"Path": "/", "GroupName": "people", "GroupId": "AGPAPEOPLE0000000001", "CreateDate": CREATED,
             "Arn": f"arn:aws:iam::{ACCOUNT}:group/people", "GroupPolicyList": [],
             "AttachedManagedPolicies": [{"PolicyName": "team", "PolicyArn": team}]}
        ],
        "RoleDetailList": [
            role("deploy", [], ["arn:aws:iam::aws:policy/PowerUserAccess"]),
            role("orders", inline("kms:Decrypt", "kms:Encrypt", "ec2:Describe*", "s3:GetObject", "s3:PutObject",
                                  "secretsmanager:GetSecretValue", "rds:*"), []),
            role("reports", inline("athena:*", "glue:Get*", "s3:GetBucketLocation", "redshift:*"), []),
            role("batch", inline("ec2:RunInstances", "ec2:DescribeInstances", "elasticmapreduce:*"), []),
            role("forgotten", inline("iam:*", "ec2:*"), []),
            role("AWSReservedSSO_ReadOnly_0123456789abcdef", [], ["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
        ],
        "Policies": [
            {"PolicyName": "team", "PolicyId": "ANPATEAM000000000001", "Arn": team, "Path": "/",
             "DefaultVersionId": "v1", "PolicyVersionList": [
                 {"VersionId": "v1", "IsDefaultVersion": True,
                  "Document": document("iam:List*", "iam:Get*", "ec2:*", "cloudwatch:*")}]}
        ],
    }  # fmt: skip


def last_accessed(now: datetime) -> dict[str, Any]:
    """AWS's own report on the role orders: S3 was used, though no trail has its data events; RDS never was."""
    used = f"{now - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"

    def service(namespace: str, last: str | None) -> dict[str, Any]:
        told = {"ServiceName": namespace, "ServiceNamespace": namespace, "TotalAuthenticatedEntities": int(bool(last))}
        return told | ({"LastAuthenticated": last, "LastAuthenticatedEntity": arn("orders")} if last else {})

    return {
        "JobStatus": "COMPLETED", "JobType": "SERVICE_LEVEL", "JobCreationDate": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "JobCompletionDate": f"{now:%Y-%m-%dT%H:%M:%SZ}", "IsTruncated": False,
        "ServicesLastAccessed": [
            service("ec2", used), service("kms", used), service("rds", None), service("s3", used),
            service("secretsmanager", used),
        ],
    }  # fmt: skip


def main(root: Path) -> None:
    now, luck = datetime.now(UTC), random.Random(7)
    for day, found in days(now, luck):
        folder = root / "AWSLogs" / ACCOUNT / "CloudTrail" / "us-east-1" / f"{day:%Y/%m/%d}"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{ACCOUNT}_CloudTrail_us-east-1_{day:%Y%m%d}T2355Z_{luck.getrandbits(64):016X}.json.gz"
        data = gzip.compress(json.dumps({"Records": found}).encode(), mtime=0)
        whole = f"{now - timedelta(days=30):%Y%m%d}" not in name
        (folder / name).write_bytes(data if whole else data[:-40])
    (root / "details.json").write_text(json.dumps(details(), indent=1))
    (root / "last-accessed").mkdir(exist_ok=True)
    (root / "last-accessed" / "role-orders.json").write_text(json.dumps(last_accessed(now), indent=1))
    print(f"90 files of logs, details.json and last-accessed/ are in {root}.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
