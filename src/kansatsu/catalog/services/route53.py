"""Amazon Route 53: ids with or without the path that the service puts before them.

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/access-control-managing-permissions.html
"""

from collections.abc import Callable, Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure, read, safe

# https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeTagsForResource.html
_KINDS = {"healthcheck": "healthcheck", "hostedzone": "hostedzone"}


def _id(path: str, kind: str) -> Callable[[Params, Frame], Iterator[str]]:
    def find(params: Params, frame: Frame) -> Iterator[str]:
        for value in read(params, path):
            name = value.removeprefix("/").removeprefix(f"{kind}/")
            if not safe(name, False):
                raise Unsure(value)
            yield f"arn:aws:route53:::{kind}/{name}"

    return find


def _tagged(path: str) -> Callable[[Params, Frame], Iterator[str]]:
    def find(params: Params, frame: Frame) -> Iterator[str]:
        kind = _KINDS.get(str(params.get("ResourceType")))
        if kind is None:
            raise Unsure("ResourceType")
        yield from _id(path, kind)(params, frame)

    return find


_BY_ID = {
    "hostedzone": (
        *("AssociateVPCWithHostedZone", "DeleteHostedZone", "DisassociateVPCFromHostedZone", "GetHostedZone"),
        *("GetHostedZoneLimit", "UpdateHostedZoneComment", "ChangeResourceRecordSets", "CreateKeySigningKey"),
        *("ActivateKeySigningKey", "DeactivateKeySigningKey", "DeleteKeySigningKey", "GetDNSSEC"),
        *("DisableHostedZoneDNSSEC", "EnableHostedZoneDNSSEC", "ListResourceRecordSets", "CreateQueryLoggingConfig"),
        *("CreateVPCAssociationAuthorization", "DeleteVPCAssociationAuthorization", "ListVPCAssociationAuthorizations"),
        *("ListTrafficPolicyInstancesByHostedZone", "UpdateHostedZoneFeatures"),
    ),
    "healthcheck": (
        *("DeleteHealthCheck", "GetHealthCheck", "GetHealthCheckLastFailureReason", "GetHealthCheckStatus"),
        "UpdateHealthCheck",
    ),
    "change": ("GetChange",),
    "delegationset": ("DeleteReusableDelegationSet", "GetReusableDelegationSet"),
}
_PATHS = {"healthcheck": "HealthCheckId"}
_ZONE_ID = {
    *(
        "ChangeResourceRecordSets",
        "CreateKeySigningKey",
        "ActivateKeySigningKey",
        "DeactivateKeySigningKey",
        "GetDNSSEC",
    ),
    *("DeleteKeySigningKey", "DisableHostedZoneDNSSEC", "EnableHostedZoneDNSSEC", "ListResourceRecordSets"),
    *("AssociateVPCWithHostedZone", "DisassociateVPCFromHostedZone", "CreateVPCAssociationAuthorization"),
    *(
        "DeleteVPCAssociationAuthorization",
        "ListVPCAssociationAuthorizations",
        "ListTrafficPolicyInstancesByHostedZone",
    ),
    *("CreateQueryLoggingConfig", "GetHostedZoneLimit", "UpdateHostedZoneFeatures"),
}
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonroute53.html",
    finders={
        **{
            operation: _id("HostedZoneId" if operation in _ZONE_ID else _PATHS.get(kind, "Id"), kind)
            for kind, operations in _BY_ID.items()
            for operation in operations
        },
        "GetReusableDelegationSetLimit": _id("DelegationSetId", "delegationset"),
        "ChangeTagsForResource": _tagged("ResourceId"),
        "ListTagsForResource": _tagged("ResourceId"),
        "ListTagsForResources": _tagged("ResourceIds"),
    },
    names={"cidrcollection": ("Id", "CollectionId"), "ListQueryLoggingConfigs:hostedzone": ("HostedZoneId",)},
    keys={
        "ChangeResourceRecordSets": {
            "ChangeBatch.Changes[].Action": "route53:ChangeResourceRecordSetsActions",
            "ChangeBatch.Changes[].ResourceRecordSet.Type": "route53:ChangeResourceRecordSetsRecordTypes",
        }
    },
)
