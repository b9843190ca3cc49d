"""Records of requests as CloudTrail writes them. Pure: from a CallRecord to the JSON of one event.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from kansatsu import wire
from kansatsu.advisor.calls import SIGN_IN, Bearer, CallRecord, Keys, Vouched
from kansatsu.catalog import trails
from kansatsu.catalog.redaction import HIDDEN
from kansatsu.wire import Operation, Shape

EVENT_VERSION = "1.11"
_SIGN_IN_SOURCE = "signin.amazonaws.com"
_IDS = uuid.UUID("5f2f6a4e-9d0c-5b5e-8f0e-6b616e736174")
_TYPES = {"user": "IAMUser", "role": "AssumedRole", "federated": "FederatedUser", "root": "Root"}
_ISSUERS = {"role": "Role", "federated": "IAMUser", "user": "IAMUser"}
# Secrets that CloudTrail leaves out instead of hiding them.
_LEFT_OUT = frozenset({"SecretAccessKey"})
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-understanding-s3-entries.html
_S3_MEMBERS = {"Bucket": "bucketName", "Key": "key"}
_S3_METHODS = {"REST-HEADER": "AuthHeader", "REST-QUERY-STRING": "QueryString", "POST": "HtmlForm"}

Event = dict[str, Any]


def source(record: CallRecord) -> str:
    """eventSource."""
    return _SIGN_IN_SOURCE if record.service == SIGN_IN else trails.event_source(_operation_of(record))


def name(record: CallRecord) -> str:
    """eventName."""
    return record.operation if record.service == SIGN_IN else trails.event_name(_operation_of(record))


def _operation_of(record: CallRecord) -> Operation:
    return wire.load_service(record.service).operation(record.operation)


def is_management(record: CallRecord) -> bool:
    """Is it a management event, which LookupEvents finds?"""
    return record.service == SIGN_IN or not trails.is_data(_operation_of(record))


def event_id(record: CallRecord, account: str) -> str:
    """The same for the same request whenever it is derived; each account has an event of its own."""
    return str(uuid.uuid5(_IDS, f"{record.call} {account}"))


def accounts(record: CallRecord) -> tuple[str, ...]:
    """Who gets an event: the caller's account first, then the owners of what it reached.

    Of what was denied of a request (DeleteObjects) nobody gets one besides that of the request.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    (sharedEventID)
    """
    if record.parent and not record.via:
        return ()
    owners = [item.owner for item in record.asked if item.owner] if record.allowed else []
    return tuple(dict.fromkeys((record.account, *owners)))


def event(record: CallRecord, account: str) -> Event:
    """The event as it is delivered to one of `accounts(record)`."""
    if record.service == SIGN_IN:
        return _sign_in(record, account)
    operation = _operation_of(record)
    data = trails.is_data(operation)
    found: Event = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": user_identity(record, account),
        "eventTime": _when(record.time),
        "eventSource": source(record),
        "eventName": name(record),
        "awsRegion": record.region,
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
        # "For services in AWS, only the DNS name is displayed."
        "sourceIPAddress": record.via or record.source_ip,
        "userAgent": record.via or record.agent,
    }
    if record.error:
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
        found["errorCode"] = ("Client." if record.service == "ec2" else "") + record.error
        found["errorMessage"] = record.message
    found["requestParameters"] = _members(operation, operation.input, record.params)
    found["responseElements"] = _members(operation, operation.output, record.result)
    if more := _additional(record):
        found["additionalEventData"] = more
    found |= {"requestID": record.call, "eventID": event_id(record, account), "readOnly": reads(record)}
    if resources := list(_resources(record)):
        found["resources"] = resources
    if record.session is not None and record.session.console:
        found["sessionCredentialFromConsole"] = "true"
    found |= {"eventType": "AwsApiCall", "managementEvent": not data, "recipientAccountId": account}
    if len(accounts(record)) > 1:
        found["sharedEventID"] = str(uuid.uuid5(_IDS, record.call))
    found["eventCategory"] = "Data" if data else "Management"
    if record.host:
        found["tlsDetails"] = {"clientProvidedHostHeader": record.host}
    return found


def _sign_in(record: CallRecord, account: str) -> Event:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html"""
    failed = {"errorMessage": record.message} if record.message else {}
    return {
        "eventVersion": EVENT_VERSION,
        "userIdentity": user_identity(record, account),
        "eventTime": _when(record.time),
        "eventSource": _SIGN_IN_SOURCE,
        "eventName": record.operation,
        "awsRegion": record.region,
        "sourceIPAddress": record.source_ip,
        "userAgent": record.agent,
        **failed,
        "requestParameters": None,
        "responseElements": record.result,
        "additionalEventData": record.params,
        "eventID": event_id(record, account),
        "readOnly": False,
        "eventType": "AwsConsoleSignIn",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }


def reads(record: CallRecord) -> bool:
    """Is it read-only?"""
    return record.service != SIGN_IN and trails.reads(record.service, record.operation, record.asked[0].action)


def user_name(record: CallRecord) -> str:
    """The name by which LookupEvents finds it: the user's, or that of the session."""
    if record.kind == "root":
        return "root"
    if record.vouched is not None:
        return record.vouched.subject
    return record.session.name if record.session is not None and record.session.name else record.name


def user_identity(record: CallRecord, account: str) -> Event:
    """Who it was, as that account is told: of a principal of another account no names."""
    if record.vouched is not None:
        return _vouched(record.operation, record.vouched)
    if record.kind == "anonymous":
        return {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}
    if record.kind == "service":
        return {"type": "AWSService", "invokedBy": record.via}
    principal = _principal_id(record)
    if account != record.account:
        return {"type": "AWSAccount", "principalId": principal, "accountId": record.account}
    found: Event = {
        "type": _TYPES[record.kind],
        "principalId": principal,
        "arn": record.arn,
        "accountId": record.account,
        "accessKeyId": record.access_key_id,
    }
    if record.kind == "user":
        found["userName"] = record.name
    if record.session is not None:
        found["sessionContext"] = _session(record, record.session)
    # A forward access session: the caller's identity, and the service that asked for them.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
    return found | {"invokedBy": record.via} if record.via else found


def _vouched(operation: str, who: Vouched) -> Event:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html"""
    return {
        "type": "SAMLUser" if operation == "AssumeRoleWithSAML" else "WebIdentityUser",
        "principalId": ":".join(part for part in (who.provider, who.audience, who.subject) if part),
        "userName": who.subject,
        "identityProvider": who.provider,
    }


def _principal_id(record: CallRecord) -> str:
    if record.kind == "root":
        return record.account
    if record.kind == "federated" and record.session is not None:
        return f"{record.account}:{record.session.name}"
    named = record.kind == "role" and record.session is not None
    return f"{record.principal_id}:{record.session.name}" if named and record.session else record.principal_id


def _session(record: CallRecord, session: Bearer) -> Event:
    found: Event = {}
    if record.kind == "root":
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-track-privileged-tasks.html
        found["assumedRoot"] = "true"
    elif record.kind != "user":
        found["sessionIssuer"] = {
            "type": _ISSUERS[record.kind],
            "principalId": record.principal_id,
            "arn": record.entity,
            "accountId": record.account,
            "userName": record.name,
        }
    if web := _web_identity(record.context):
        found["webIdFederationData"] = web
    found["attributes"] = {"creationDate": _when(session.issued), "mfaAuthenticated": str(session.mfa).lower()}
    if session.source_identity:
        found["sourceIdentity"] = session.source_identity
    if session.delivery:
        found["ec2RoleDelivery"] = session.delivery
    return found


def _web_identity(context: Keys) -> Event:
    """Of a session that came of a token: its provider, and whom that vouched for in which application."""
    provider = str(context.get("aws:federatedprovider", ""))
    if not provider or ":saml-provider/" in provider:
        return {}
    name = (provider.partition(":oidc-provider/")[2] or provider).lower()
    keys = (f"{name}:aud", f"{name}:sub")
    return {"federatedProvider": provider, "attributes": {key: context[key] for key in keys if key in context}}


def _additional(record: CallRecord) -> Event:
    if record.parent:
        return {"invokedByRequestID": record.parent}
    if record.service != "s3" or record.kind == "anonymous":
        return {}
    method = _S3_METHODS.get(str(record.context.get("s3:authtype", "")))
    return {"SignatureVersion": "SigV4", "AuthenticationMethod": method} if method else {}


def _resources(record: CallRecord) -> Iterator[Event]:
    """What was reached, by ARN and type; each once."""
    for named in dict.fromkeys(item.resource for item in record.asked if item.resolved and item.resource != "*"):
        kind, _, owner = trails.resource_of(named)
        found = {"ARN": named}
        if owner or record.account:
            found["accountId"] = owner or record.account
        yield found | {"type": kind} if kind else found


def resources(record: CallRecord) -> Iterator[tuple[str, str, str]]:
    """(type, name, ARN) of what was reached and has a type."""
    for item in _resources(record):
        kind, name, _ = trails.resource_of(item["ARN"])
        if kind:
            yield kind, name, item["ARN"]


def _when(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _members(operation: Operation, shape: Shape | None, value: Any) -> Any:
    if not value or shape is None:
        return None
    if "omitted" in value and "reason" in value:
        return value
    names = _S3_MEMBERS if operation.service.name == "s3" else {}
    found = _lowered(shape, value, _lists_ec2 if operation.service.name == "ec2" else _lists)
    return {names.get(_raised(key), key): item for key, item in found.items()} if names else found


def _lowered(shape: Shape, value: Any, lists: Any) -> Any:
    """The names of members begin in lower case; keys of maps are data and stay."""
    if value == HIDDEN:
        return value
    if shape.type == "structure" and isinstance(value, Mapping):
        known = dict(shape.members)
        found: Event = {}
        for name, item in value.items():
            if name not in _LEFT_OUT:
                of_list = name in known and known[name].type == "list"
                shown = _lowered(known[name], item, lists) if name in known else item
                key = name[:1].lower() + name[1:]
                found |= lists(key, shown) if of_list else {key: shown}
        return found
    if shape.type == "list" and isinstance(value, list | tuple):
        return [_lowered(shape.member, item, lists) for item in value]
    if shape.type == "map" and isinstance(value, Mapping):
        return {key: _lowered(shape.value, item, lists) for key, item in value.items()}
    return value


def _lists(name: str, items: Any) -> Event:
    return {name: items}


def _lists_ec2(name: str, items: Any) -> Event:
    """instanceIds: ["i-1"] -> instancesSet: {"items": [{"instanceId": "i-1"}]}, as EC2 writes lists.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitor-with-cloudtrail.html
    """
    singular = name.removesuffix("s")
    of_ids = singular.endswith("Id") and all(isinstance(item, str) for item in items)
    shown = [{singular: item} for item in items] if of_ids else items
    return {f"{singular.removesuffix('Id')}{'s' if of_ids else ''}Set": {"items": shown}}


def _raised(name: str) -> str:
    return name[:1].upper() + name[1:]
