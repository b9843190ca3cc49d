"""Credentials that a workload was given, on record as AWS has it: a service assumed the role.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html (AWSService)
"""

import logging
import uuid
from collections.abc import Callable

from kansatsu.advisor import Asking, CallRecord, EvidenceLost, Recorder
from kansatsu.catalog.redaction import HIDDEN
from kansatsu.identity import EntityRecord
from kansatsu.workload.credentials import Grant
from kansatsu.workload.views import Credentials

log = logging.getLogger(__name__)


def recording(recorder: Recorder, region: str) -> Callable[[EntityRecord, Grant, Credentials], None]:
    """What an Issuer calls with each session that it makes; `region` is that of who is in none.

    Where it cannot be written down, the evidence has a gap, and whatever is asked with these credentials is refused
    for the same reason: a full disk takes no role away.
    """

    def record(role: EntityRecord, grant: Grant, credentials: Credentials) -> None:
        try:
            recorder.append([], [_record(role, grant, credentials, grant.source.get("region") or region)])
        except EvidenceLost as lost:
            log.warning("not on record: %s was given role %s: %s", grant.session_name, role.name, lost)

    return record


def _record(role: EntityRecord, grant: Grant, credentials: Credentials, region: str) -> CallRecord:
    lifetime = credentials.expiration - credentials.last_updated
    return CallRecord(
        call=str(uuid.uuid4()),
        time=credentials.last_updated.timestamp(),
        account=role.account,
        kind="service",
        principal_id="",
        name="",
        arn=grant.service,
        entity=grant.service,
        access_key_id="",
        service="sts",
        operation="AssumeRole",
        region=region,
        source_ip="",
        allowed=True,
        context={},
        asked=(Asking("sts:AssumeRole", role.arn, True, role.account),),
        params={
            "RoleArn": role.arn,
            "RoleSessionName": grant.session_name,
            "DurationSeconds": int(lifetime.total_seconds()),
        },
        result={
            "Credentials": {
                "AccessKeyId": credentials.access_key_id,
                "SessionToken": HIDDEN,
                "Expiration": credentials.expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            "AssumedRoleUser": {
                "AssumedRoleId": f"{role.id}:{grant.session_name}",
                "Arn": f"arn:aws:sts::{role.account}:assumed-role/{role.name}/{grant.session_name}",
            },
        },
        via=grant.service,
    )
