"""The condition keys that belong to no service, with their types: what AWS documents on one page for all.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Key(NamedTuple):
    """A condition key as AWS spells it. `type`: String, ARN, Bool, Numeric, Date or IPAddress; `many`: multivalued."""

    name: str
    type: str
    many: bool


_TYPES = {
    "String": """aws:CalledViaFirst aws:CalledViaLast aws:FederatedProvider aws:PrincipalAccount aws:PrincipalOrgID
        aws:PrincipalServiceName aws:PrincipalTag/${TagKey} aws:PrincipalType aws:Referer aws:RequestTag/${TagKey}
        aws:RequestedRegion aws:ResourceAccount aws:ResourceOrgID aws:ResourceTag/${TagKey} aws:SourceAccount
        aws:SourceIdentity aws:SourceOrgID aws:SourceVpc aws:SourceVpce aws:UserAgent aws:userid aws:username
        aws:VpceAccount aws:VpceOrgID aws:Ec2InstanceSourceVpc aws:CalledViaAWSMCP""",
    "ARN": """aws:AssumedRoot aws:ChatbotSourceArn aws:PrincipalArn aws:SignInSessionArn aws:SourceArn aws:SourceVpcArn
        ec2:SourceInstanceArn lambda:SourceFunctionArn ssm:SourceInstanceArn codebuild:BuildArn codebuild:ProjectArn""",
    "Bool": """aws:IsMcpServiceAction aws:MultiFactorAuthPresent aws:PrincipalIsAWSService aws:SecureTransport
        aws:ViaAWSMCPService aws:ViaAWSService""",
    "Numeric": "aws:MultiFactorAuthAge",
    "Date": "aws:CurrentTime aws:EpochTime aws:TokenIssueTime",
    "IPAddress": "aws:Ec2InstanceSourcePrivateIPv4 aws:SourceIp aws:VpcSourceIp",
}
_MANY = """aws:CalledVia aws:PrincipalOrgPaths aws:PrincipalServiceNamesList aws:ResourceOrgPaths aws:SourceOrgPaths
    aws:TagKeys aws:VpceOrgPaths"""
_KEYS = [Key(name, kind, False) for kind, names in _TYPES.items() for name in names.split()]
_KEYS += [Key(name, "String", True) for name in _MANY.split()]

GLOBAL_KEYS: Mapping[str, Key] = MappingProxyType({key.name.lower(): key for key in _KEYS})

# These depend on what is asked, so that they are there only for actions whose documentation has them.
OF_ACTIONS = frozenset({"aws:requesttag/${tagkey}", "aws:resourcetag/${tagkey}", "aws:tagkeys"})

# Set by one service and there for all: they say what runs with the role.
CROSS_SERVICE = frozenset(
    {
        "ec2:roledelivery",
        "glue:credentialissuingservice",
        "glue:roleassumedby",
        "identitystore:userid",
    }
) | {name for name in GLOBAL_KEYS if not name.startswith("aws:")}
