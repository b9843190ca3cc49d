"""Elastic Load Balancing: what is given is an ARN; what is made has a name of its type and no id yet.

https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-permissions.html
"""

from collections.abc import Callable, Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure, arn_parts, read, safe

_TYPES = {"application": "app", "network": "net", "gateway": "gwy"}


def _by_arn(*paths: str) -> Callable[[Params, Frame], Iterator[str]]:
    def find(params: Params, frame: Frame) -> Iterator[str]:
        for path in paths:
            for value in read(params, path):
                parts = arn_parts(value)
                if parts is None or parts[:4] != ["arn", "aws", "elasticloadbalancing", frame.region]:
                    raise Unsure(value)
                if not safe(parts[5], True):
                    raise Unsure(value)
                yield value

    return find


def _balancer(params: Params, frame: Frame) -> Iterator[str]:
    kind = _TYPES.get(str(params.get("Type") or "application"))
    for value in read(params, "Name"):
        if kind is None or not safe(value, False):
            raise Unsure(value)
        yield frame.arn("elasticloadbalancing", f"loadbalancer/{kind}/{value}/*")


def _targets(params: Params, frame: Frame) -> Iterator[str]:
    for value in read(params, "Name"):
        if not safe(value, False):
            raise Unsure(value)
        yield frame.arn("elasticloadbalancing", f"targetgroup/{value}/*")


_PATHS = {
    "LoadBalancerArn": (
        *("CreateListener", "DeleteLoadBalancer", "ModifyLoadBalancerAttributes", "SetIpAddressType"),
        *("ModifyCapacityReservation", "ModifyIpPools", "SetSecurityGroups", "SetSubnets"),
    ),
    "ListenerArn": (
        *("CreateRule", "DeleteListener", "ModifyListener", "ModifyListenerAttributes"),
        *("AddListenerCertificates", "RemoveListenerCertificates"),
    ),
    "TargetGroupArn": (
        *("DeleteTargetGroup", "DeregisterTargets", "ModifyTargetGroup", "ModifyTargetGroupAttributes"),
        "RegisterTargets",
    ),
    "RuleArn": ("DeleteRule", "ModifyRule"),
    "TrustStoreArn": (
        *("AddTrustStoreRevocations", "DeleteSharedTrustStoreAssociation", "DeleteTrustStore", "ModifyTrustStore"),
        *("GetTrustStoreCaCertificatesBundle", "GetTrustStoreRevocationContent", "RemoveTrustStoreRevocations"),
    ),
    "ResourceArn": ("GetResourcePolicy",),
    "ResourceArns": ("AddTags", "RemoveTags"),
}
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html",
    finders={
        **{operation: _by_arn(path) for path, operations in _PATHS.items() for operation in operations},
        "CreateLoadBalancer": _balancer,
        "CreateTargetGroup": _targets,
    },
    tagging="AddTags",
)
