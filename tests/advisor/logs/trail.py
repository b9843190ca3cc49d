"""Records of CloudTrail for tests, and the slow, obvious sum of them."""

import gzip
import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/apps/orders"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"


def user(name: str = "alice", id: str = "AIDAALICE0000000000A") -> dict[str, Any]:
    return {
        "type": "IAMUser",
        "principalId": id,
        "arn": f"arn:aws:iam::{ACCOUNT}:user/{name}",
        "accountId": ACCOUNT,
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "userName": name,
    }


def role(id: str = "AROAORDERS000000000A", session: str = "i-1", arn: str = ROLE, **more: Any) -> dict[str, Any]:
    name = arn.rpartition("/")[2]
    return {
        "type": "AssumedRole",
        "principalId": f"{id}:{session}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}",
        "accountId": ACCOUNT,
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": id,
                "arn": arn,
                "accountId": ACCOUNT,
                "userName": name,
            },
            "attributes": {"creationDate": "2026-11-02T01:06:28Z", "mfaAuthenticated": "false"},
        },
        **more,
    }


def record(
    identity: Any = None,
    source: str = "s3",
    name: str = "ListBuckets",
    time: str = "2026-11-20T10:00:00Z",
    **more: Any,
) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "userIdentity": user() if identity is None else identity,
        "eventTime": time,
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.1",
        "userAgent": "aws-cli/2",
        "requestParameters": None,
        "responseElements": None,
        "requestID": "A1",
        "eventID": str(uuid.uuid4()),
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        **more,
    }


def delivered(records: Iterable[Any]) -> bytes:
    return gzip.compress(json.dumps({"Records": list(records)}).encode())


def write(directory: Path, number: int, records: Iterable[Any], day: str = "20261120") -> Path:
    """A file where CloudTrail would have put it."""
    folder = directory / "AWSLogs" / ACCOUNT / "CloudTrail" / "us-east-1" / day[:4] / day[4:6] / day[6:]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{ACCOUNT}_CloudTrail_us-east-1_{day}T{number:04}Z_{number:016X}.json.gz"
    path.write_bytes(delivered(records))
    return path


def oracle(records: Iterable[dict[str, Any]]) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """(unique id or ARN, source, name, Region) -> last, last allowed, count, denied: each event once."""
    distinct = {item["eventID"]: item for item in records}
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for item in distinct.values():
        who = item["userIdentity"]["principalId"].split(":")[0]
        groups.setdefault((who, item["eventSource"], item["eventName"], item["awsRegion"]), []).append(item)
    found = {}
    for key, group in groups.items():
        times = sorted(item["eventTime"] for item in group)
        allowed = sorted(item["eventTime"] for item in group if item.get("errorCode") != "AccessDenied")
        found[key] = (times[-1], allowed[-1] if allowed else None, len(group), len(group) - len(allowed))
    return found
