"""The condition keys of EC2 that stand deeper in the parameters, or that are made of several of them.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
VPN connections: https://docs.aws.amazon.com/vpn/latest/s2svpn/vpn-authentication-access-control.html
Which resource of a request has the key, the reference says (`ec2_keys.of_type`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from kansatsu.catalog.authorization import Context, Params
from kansatsu.catalog.ec2_keys import text_of
from kansatsu.catalog.values import walk

TUNNEL = {
    "DPDTimeoutSeconds": "ec2:dpdtimeoutseconds",
    "IKEVersions[].Value": "ec2:ikeversions",
    "Phase1DHGroupNumbers[].Value": "ec2:phase1dhgroup",
    "Phase1EncryptionAlgorithms[].Value": "ec2:phase1encryptionalgorithms",
    "Phase1IntegrityAlgorithms[].Value": "ec2:phase1integrityalgorithms",
    "Phase1LifetimeSeconds": "ec2:phase1lifetimeseconds",
    "Phase2DHGroupNumbers[].Value": "ec2:phase2dhgroup",
    "Phase2EncryptionAlgorithms[].Value": "ec2:phase2encryptionalgorithms",
    "Phase2IntegrityAlgorithms[].Value": "ec2:phase2integrityalgorithms",
    "Phase2LifetimeSeconds": "ec2:phase2lifetimeseconds",
    "RekeyFuzzPercentage": "ec2:rekeyfuzzpercentage",
    "RekeyMarginTimeSeconds": "ec2:rekeymargintimeseconds",
    "ReplayWindowSize": "ec2:replaywindowsizepackets",
    "TunnelInsideCidr": "ec2:insidetunnelcidr",
    "TunnelInsideIpv6Cidr": "ec2:insidetunnelipv6cidr",
}
# Paths as in catalog.values -> condition key.
_PATHS = {
    "AuthenticationOptions[].FederatedAuthentication.SAMLProviderArn": "ec2:samlproviderarn",
    "AuthenticationOptions[].MutualAuthentication.ClientRootCertificateChainArn": "ec2:clientrootcertificatechainarn",
    "DnsOptions.PrivateDnsPreference": "ec2:vpceprivatednspreference",
    "DnsOptions.PrivateDnsSpecifiedDomains": "ec2:vpceprivatednsspecifieddomains",
    # ModifyVpnTunnelOptions has the options of one tunnel, CreateVpnConnection those of each.
    **{f"TunnelOptions.{path}": key for path, key in TUNNEL.items()},
    **{f"Options.TunnelOptions[].{path}": key for path, key in TUNNEL.items()},
}
# Parameter -> (condition key, the ARN of what it names).
_ARNS = {
    "AuthenticationOptions[].ActiveDirectory.DirectoryId": (
        "ec2:directoryarn",
        "arn:aws:ds:{region}:{account}:directory/{value}",
    ),
    "AwsAccountId": ("ec2:authorizeduser", "arn:aws:iam::{value}:root"),
    "ConnectionLogOptions.CloudwatchLogGroup": (
        "ec2:cloudwatchloggrouparn",
        "arn:aws:logs:{region}:{account}:log-group:{value}",
    ),
    "DestinationCapacityReservationId": (
        "ec2:destinationcapacityreservationid",
        "arn:aws:ec2:{region}:{account}:capacity-reservation/{value}",
    ),
    "SourceCapacityReservationId": (
        "ec2:sourcecapacityreservationid",
        "arn:aws:ec2:{region}:{account}:capacity-reservation/{value}",
    ),
}
# StaticRoutesOnly -> ec2:RoutingType, as the example policy of the page writes it.
ROUTING = {True: "static", False: "BGP"}


def keys(params: Params, account: str, region: str) -> Context:
    """The keys of a request in an account and Region."""
    found = at_paths(params, _PATHS)
    for path, (key, template) in _ARNS.items():
        for value in walk(params, path):
            found[key] = template.format(region=region, account=account, value=value)
    found |= _log_stream(params, account, region) | _peering(params, account, region) | _vpn(params)
    if {"ServiceRegion", "SupportedRegions"} & params.keys():
        found["ec2:vpcemultiregion"] = multi_region(
            [params.get("ServiceRegion"), *params.get("SupportedRegions", ())], region
        )
    return found


def at_paths(values: Any, paths: Mapping[str, str]) -> Context:
    """The keys whose values stand at their paths; several values, or those of a list, are a multivalued key."""
    found: Context = {}
    for path, key in paths.items():
        texts = tuple(dict.fromkeys(text for value in walk(values, path) if (text := text_of(value)) is not None))
        if texts:
            found[key] = texts[0] if len(texts) == 1 else texts
    return found


def _log_stream(params: Params, account: str, region: str) -> Context:
    options = params.get("ConnectionLogOptions") or {}
    if not options.get("CloudwatchLogStream"):
        return {}
    stream = "arn:aws:logs:{}:{}:log-group:{CloudwatchLogGroup}:log-stream:{CloudwatchLogStream}"
    return {"ec2:cloudwatchlogstreamarn": stream.format(region, account, **{"CloudwatchLogGroup": "", **options})}


def _peering(params: Params, account: str, region: str) -> Context:
    """Both VPCs of a peering connection that is asked for.

    https://docs.aws.amazon.com/vpc/latest/peering/security-iam.html
    """
    if not params.get("PeerVpcId"):
        return {}
    there = f"arn:aws:ec2:{params.get('PeerRegion') or region}:{params.get('PeerOwnerId') or account}:vpc/"
    return {
        "ec2:acceptervpc": there + str(params["PeerVpcId"]),
        "ec2:requestervpc": f"arn:aws:ec2:{region}:{account}:vpc/{params.get('VpcId', '')}",
    }


def _vpn(params: Params) -> Context:
    """How a VPN connection that is asked for ends and routes."""
    if not params.get("CustomerGatewayId") or "Type" not in params:
        return {}
    static = bool((params.get("Options") or {}).get("StaticRoutesOnly"))
    found: Context = {"ec2:routingtype": ROUTING[static]}
    if kind := gateway_type(params):
        found["ec2:gatewaytype"] = kind
    return found


def multi_region(regions: Iterable[Any], region: str) -> str:
    """Whether an endpoint service of `region` is one of other Regions too."""
    return "true" if any(other and other != region for other in regions) else "false"


# Answers spell two of them otherwise than requests do.
_ANSWERED = {"DPDTimeoutSeconds": "DpdTimeoutSeconds", "IKEVersions[].Value": "IkeVersions[].Value"}
_CONNECTION = {f"Options.TunnelOptions[].{_ANSWERED.get(path, path)}": key for path, key in TUNNEL.items()}
CONNECTION = frozenset({*TUNNEL.values(), "ec2:authenticationtype", "ec2:gatewaytype", "ec2:routingtype"})


def of_connection(item: Mapping[str, Any]) -> Context:
    """The keys, CONNECTION, of a VPN connection that exists, as DescribeVpnConnections shows it."""
    certified = any(side.get("CertificateArn") for side in item.get("VgwTelemetry") or ())
    return {
        **at_paths(item, _CONNECTION),
        "ec2:authenticationtype": authentication(certified),
        "ec2:gatewaytype": gateway_type(item),
        "ec2:routingtype": ROUTING[bool((item.get("Options") or {}).get("StaticRoutesOnly"))],
    }


def authentication(certified: bool) -> str:
    """How the ends of a VPN connection know each other."""
    return "Certificates" if certified else "Pre Shared Keys"


def gateway_type(values: Any) -> str:
    """At what a VPN connection ends on AWS's side, "" where nothing says it."""
    return "VGW" if values.get("VpnGatewayId") else "TGW" if values.get("TransitGatewayId") else ""
