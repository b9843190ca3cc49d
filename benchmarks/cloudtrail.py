"""Makes a trail in CloudTrail's delivery layout: as many events as wanted, the same ones for the same seed.

    .venv/bin/python benchmarks/cloudtrail.py DIR --events 1000000

DIR gets AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/*.json.gz and authorization-details.json. Records have the members
and about the length of real ones (1.2 KB): nothing may be faster here because there is less to skip.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""

import argparse
import gzip
import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ACCOUNT = "123456789012"
REGIONS = ("us-east-1", "eu-central-1", "ap-northeast-1")
START = datetime(2026, 11, 10, tzinfo=UTC)
DAYS = 10
IN_FILE = 1000
# (event source, event name, request parameters, read only, ARN of a resource)
CALLS: tuple[tuple[str, str, dict[str, Any], bool, str], ...] = (
    (
        "s3",
        "GetObject",
        {"bucketName": "orders-{n}", "Host": "orders-{n}.s3.amazonaws.com", "key": "in/{k}.json"},
        True,
        "arn:aws:s3:::orders-{n}/in/{k}.json",
    ),
    (
        "s3",
        "PutObject",
        {"bucketName": "orders-{n}", "Host": "orders-{n}.s3.amazonaws.com", "key": "out/{k}.json"},
        False,
        "arn:aws:s3:::orders-{n}/out/{k}.json",
    ),
    (
        "s3",
        "ListObjects",
        {"bucketName": "orders-{n}", "list-type": "2", "prefix": "in/", "encoding-type": "url"},
        True,
        "arn:aws:s3:::orders-{n}",
    ),
    (
        "ec2",
        "DescribeInstances",
        {
            "instancesSet": {},
            "filterSet": {"items": [{"name": "tag:app", "valueSet": {"items": [{"value": "orders-{n}"}]}}]},
        },
        True,
        "",
    ),
    (
        "ec2",
        "DescribeNetworkInterfaces",
        {"networkInterfaceIdSet": {"items": [{"networkInterfaceId": "eni-0{k}"}]}, "filterSet": {}},
        True,
        "",
    ),
    (
        "kms",
        "Decrypt",
        {
            "encryptionContext": {"aws:s3:arn": "arn:aws:s3:::orders-{n}/in/{k}"},
            "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
        },
        True,
        "arn:aws:kms:us-east-1:123456789012:key/5f1c4b3e-7a5c-4c9b-9f0e-0000000000{n}",
    ),
    (
        "sts",
        "AssumeRole",
        {
            "roleArn": "arn:aws:iam::123456789012:role/app-{n}",
            "roleSessionName": "run-{k}",
            "externalId": "partner-{n}",
            "durationSeconds": 3600,
        },
        True,
        "arn:aws:iam::123456789012:role/app-{n}",
    ),
    ("sqs", "ReceiveMessage", {"queueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/jobs-{n}"}, False, ""),
    (
        "dynamodb",
        "GetItem",
        {"tableName": "orders-{n}", "key": {"id": "order-{k}"}, "consistentRead": False},
        True,
        "arn:aws:dynamodb:us-east-1:123456789012:table/orders-{n}",
    ),
    ("logs", "CreateLogStream", {"logGroupName": "/app/orders-{n}", "logStreamName": "{k}"}, False, ""),
    (
        "lambda",
        "GetFunction20150331v2",
        {"functionName": "arn:aws:lambda:us-east-1:123456789012:function:orders-{n}"},
        True,
        "",
    ),
    (
        "monitoring",
        "PutMetricAlarm",
        {"alarmName": "orders-{n}", "threshold": 5.0, "metricName": "Errors", "namespace": "AWS/Lambda"},
        False,
        "",
    ),
    ("iam", "ListRoles", {"maxItems": 100}, True, ""),
    ("ssm", "GetParameter", {"name": "/app/orders-{n}/url", "withDecryption": True}, True, ""),
    (
        "secretsmanager",
        "GetSecretValue",
        {"secretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:orders-{n}-AbCdEf"},
        True,
        "",
    ),
    ("ecs", "DescribeTasks", {"cluster": "orders", "tasks": ["arn:aws:ecs:us-east-1:123456789012:task/{k}"]}, True, ""),
)
AGENT = "[aws-sdk-java/2.29.41 Linux/6.1.112-122.189.amzn2023.x86_64 OpenJDK_64-Bit_Server_VM/21.0.5+11-LTS Java/21]"


def role_id(number: int) -> str:
    return f"AROA{number:017d}"


def _caller(number: int, random_: random.Random, hours: int) -> dict[str, Any]:
    """Nine in ten are sessions of roles, as in real accounts: of three instances each, renewed every six hours."""
    if number % 10 == 0:
        return {
            "type": "IAMUser",
            "principalId": f"AIDA{number:017d}",
            "arn": f"arn:aws:iam::{ACCOUNT}:user/person-{number}",
            "accountId": ACCOUNT,
            "accessKeyId": f"AKIA{number:016d}",
            "userName": f"person-{number}",
        }
    instance = random_.randrange(3)
    session = f"i-0{number:08x}{instance:08x}"
    return {
        "type": "AssumedRole",
        "principalId": f"{role_id(number)}:{session}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/app-{number}/{session}",
        "accountId": ACCOUNT,
        "accessKeyId": f"ASIA{number:06X}{instance:02X}{hours // 6:08X}",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role_id(number),
                "arn": f"arn:aws:iam::{ACCOUNT}:role/apps/app-{number}",
                "accountId": ACCOUNT,
                "userName": f"app-{number}",
            },
            "webIdFederationData": {},
            "attributes": {
                "creationDate": f"{START + timedelta(hours=hours // 6 * 6):%Y-%m-%dT%H:%M:%SZ}",
                "mfaAuthenticated": "false",
            },
            "ec2RoleDelivery": "2.0",
        },
    }


def _filled(value: Any, number: int, key: str) -> Any:
    if isinstance(value, str):
        return value.replace("{n}", f"{number % 90 + 10}").replace("{k}", key)
    if isinstance(value, dict):
        return {name: _filled(item, number, key) for name, item in value.items()}
    return [_filled(item, number, key) for item in value] if isinstance(value, list) else value


def record(random_: random.Random, time: datetime, region: str, principals: int) -> dict[str, Any]:
    number = int(principals ** random_.random()) - 1  # the k-th of them does 1/k of what the first does: Zipf's law
    # A principal does a few things again and again, as programs do.
    call = CALLS[(number * 7 + int(random_.expovariate(0.8))) % len(CALLS)]
    source, name, parameters, read_only, resource = call
    key = f"{random_.getrandbits(64):016x}"
    found = {
        "eventVersion": "1.11",
        "userIdentity": _caller(number, random_, int((time - START).total_seconds()) // 3600),
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": f"10.0.{random_.getrandbits(8)}.{random_.getrandbits(8)}",
        "userAgent": AGENT,
        "requestParameters": _filled(parameters, number, key),
        "responseElements": None,
        "requestID": str(uuid.UUID(int=random_.getrandbits(128), version=4)),
        "eventID": str(uuid.UUID(int=random_.getrandbits(128), version=4)),
        "readOnly": read_only,
    }
    if random_.random() < 0.03:
        found |= {"errorCode": "AccessDenied", "errorMessage": "User is not authorized to perform: " + name}
    if resource:
        found["resources"] = [{"accountId": ACCOUNT, "type": "AWS::Resource", "ARN": _filled(resource, number, key)}]
    return found | {
        "eventType": "AwsApiCall",
        "managementEvent": source not in {"s3", "dynamodb"},
        "recipientAccountId": ACCOUNT,
        "sharedEventID": str(uuid.UUID(int=random_.getrandbits(128), version=4)),
        "eventCategory": "Data" if source in {"s3", "dynamodb"} else "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{source}.{region}.amazonaws.com",
        },
    }


def files(root: Path, events: int, principals: int = 1000, seed: int = 1, first: int = 0) -> Iterator[Path]:
    """Write the files from the `first` on, each of IN_FILE events within a quarter of an hour, as they are made."""
    total = max(1, -(-events // IN_FILE))
    for number in range(first, total):
        random_ = random.Random(seed * 1_000_003 + number)
        region = REGIONS[0] if number % 4 else REGIONS[number // 4 % len(REGIONS)]
        begin = START + timedelta(days=DAYS) * (number / total)
        size = min(IN_FILE, events - number * IN_FILE)
        found = [
            record(random_, begin + timedelta(seconds=random_.randrange(900)), region, principals) for _ in range(size)
        ]
        folder = root / "AWSLogs" / ACCOUNT / "CloudTrail" / region / f"{begin:%Y/%m/%d}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{ACCOUNT}_CloudTrail_{region}_{begin:%Y%m%dT%H%MZ}_{random_.getrandbits(80):020X}.json.gz"
        text = json.dumps({"Records": found}, separators=(",", ":")).encode()
        path.write_bytes(gzip.compress(text, 6, mtime=0))
        yield path


def authorization_details(principals: int = 1000) -> dict[str, Any]:
    """Users and roles that may do more than they do, as `aws iam get-account-authorization-details` tells of them."""
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [*(f"{source}:*" for source in ("s3", "ec2", "kms", "sqs", "dynamodb", "lambda", "glue"))],
                "Resource": "*",
            }
        ],
    }
    policy = f"arn:aws:iam::{ACCOUNT}:policy/apps"
    created = "2026-01-01T00:00:00+00:00"
    attached = [{"PolicyName": "apps", "PolicyArn": policy}]
    return {
        "UserDetailList": [
            {
                "Path": "/",
                "UserName": f"person-{number}",
                "UserId": f"AIDA{number:017d}",
                "Arn": f"arn:aws:iam::{ACCOUNT}:user/person-{number}",
                "CreateDate": created,
                "GroupList": [],
                "AttachedManagedPolicies": attached,
            }
            for number in range(0, principals, 10)
        ],
        "GroupDetailList": [],
        "RoleDetailList": [
            {
                "Path": "/apps/",
                "RoleName": f"app-{number}",
                "RoleId": role_id(number),
                "Arn": f"arn:aws:iam::{ACCOUNT}:role/apps/app-{number}",
                "CreateDate": created,
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "ec2.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
                "InstanceProfileList": [],
                "RolePolicyList": [],
                "AttachedManagedPolicies": attached,
            }
            for number in range(principals)
            if number % 10
        ],
        "Policies": [
            {
                "PolicyName": "apps",
                "PolicyId": "ANPA00000000000000001",
                "Arn": policy,
                "Path": "/",
                "DefaultVersionId": "v1",
                "AttachmentCount": principals,
                "IsAttachable": True,
                "PolicyVersionList": [
                    {"Document": document, "VersionId": "v1", "IsDefaultVersion": True, "CreateDate": created}
                ],
            }
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--principals", type=int, default=1000)
    given = parser.parse_args()
    size = sum(path.stat().st_size for path in files(given.directory, given.events, given.principals))
    (given.directory / "authorization-details.json").write_text(json.dumps(authorization_details(given.principals)))
    print(f"{given.events} events, {size / 1e6:.1f} MB of gz files in {given.directory}")


if __name__ == "__main__":
    main()
