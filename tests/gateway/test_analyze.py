"""The log reader on what Kansatsu itself records: it finds offline what Access Advisor says of the same calls."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kansatsu.advisor.logs import evidence, reading, report, sources
from kansatsu.advisor.logs.cache import Cache
from kansatsu.advisor.logs.reading import Result
from kansatsu.advisor.logs.sources import Bucket
from kansatsu.advisor.logs.summary import summarise

from .conftest import Gateway
from .raw import statement


def details(gateway: Gateway) -> bytes:
    """As the AWS CLI puts the pages together."""
    found: dict[str, list[Any]] = {}
    pages = gateway.iam.get_paginator("get_account_authorization_details").paginate()
    for page in pages:
        for section in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"):
            found.setdefault(section, []).extend(page[section])
    return json.dumps(found, default=str).encode()


def test_offline_is_as_online(gateway: Gateway) -> None:
    allowed = ["iam:Get*", "iam:List*", "s3:*", "sqs:*", "lambda:*", "cloudwatch:*"]
    user = gateway.user(statement("Allow", allowed))
    iam = gateway.client("iam", user)
    iam.get_user(UserName=user.name)
    gateway.client("s3", user).list_buckets()
    gateway.client("sqs", user).list_queues()
    gateway.client("lambda", user).list_functions()
    role = gateway.role(statement("Allow", "iam:ListRoles"), Path="/svc/")
    gateway.client("iam", gateway.assume(role)).list_roles()
    pages = gateway.client("cloudtrail").get_paginator("lookup_events").paginate()
    saved = json.dumps({"Events": [event for page in pages for event in page["Events"]]}, default=str).encode()
    totals = summarise(saved).totals
    assert totals.malformed == 0 and totals.events > 5
    now = datetime.now(UTC)
    outcome = report.outcome(evidence.of(Result(totals, read=1), details(gateway), [], now, None))
    arn = gateway.client("sts", user).get_caller_identity()["Arn"]
    for subject in (arn, role["Arn"]):
        job = gateway.iam.generate_service_last_accessed_details(Arn=subject)["JobId"]
        told = gateway.iam.get_service_last_accessed_details(JobId=job, MaxItems=1000)["ServicesLastAccessed"]
        online = {item["ServiceNamespace"]: item.get("LastAuthenticated") for item in told}
        (person,) = [item for item in outcome.people if item.arn == subject]
        offline = {item.namespace: item.last for item in person.services}
        assert offline.keys() == online.keys()
        for namespace, last in online.items():
            assert bool(offline[namespace]) == (last is not None), namespace
            assert not last or abs(offline[namespace] - last.timestamp()) <= 1
    used = {item.namespace for item in person.services if item.last}
    assert used == {"iam"}


def test_logs_in_a_bucket(gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From an endpoint of one's own, with ordinary credentials; an object that changed is read again."""
    keys = gateway.user(statement("Allow", "s3:*"))
    for name, value in {"ACCESS_KEY_ID": keys.id, "SECRET_ACCESS_KEY": keys.secret, "REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    s3, bucket = gateway.client("s3", keys), gateway.name("trails")
    s3.create_bucket(Bucket=bucket)

    def put(name: str, *names: str) -> None:
        records = [
            {
                "userIdentity": {"type": "Root", "accountId": "123456789012"},
                "eventTime": "2026-11-20T10:00:00Z",
                "eventSource": "s3.amazonaws.com",
                "eventName": event,
                "eventID": event,
            }
            for event in names
        ]
        s3.put_object(Bucket=bucket, Key=f"AWSLogs/{name}", Body=gzip.compress(json.dumps(records).encode()))

    def read(url: str) -> tuple[list[str], int]:
        where = Bucket(endpoint=gateway.endpoint)
        files = sources.listing([url], where, None).files
        cache = Cache(tmp_path)
        try:
            found = reading.read(files, where, cache, 1, lambda done, size: None)
        finally:
            cache.close()
        return sorted(key[2] for key in found.totals.rows), found.read

    put("1.json.gz", "One")
    put("2.json.gz", "Two")
    put("3.txt", "Three")
    put("CloudTrail-Digest/4.json.gz", "Four")
    assert read(f"s3://{bucket}/AWSLogs/") == (["One", "Two"], 2)
    assert read(f"s3://{bucket}") == (["One", "Two"], 0)
    put("2.json.gz", "Two", "Five")
    assert read(f"s3://{bucket}/AWSLogs") == (["Five", "One", "Two"], 2)  # with the one that it was counted with
    with pytest.raises(sources.NoSource, match="cannot be listed"):
        sources.listing([f"s3://{bucket}-of-nobody/"], Bucket(endpoint=gateway.endpoint), None)
    assert sources.listing([f"s3://{bucket}/AWSLogs/3.txt"], Bucket(endpoint=gateway.endpoint), None).files[0].size > 0
