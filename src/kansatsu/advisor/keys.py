"""Condition keys as AWS spells them: inside they are in lower case, people read them in their own spelling.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

_NAMES = """
aws:CalledVia aws:CalledViaFirst aws:CalledViaLast aws:ChatbotSourceArn aws:CurrentTime aws:Ec2InstanceSourcePrivateIPv4
aws:Ec2InstanceSourceVpc aws:EpochTime aws:FederatedProvider aws:MultiFactorAuthAge aws:MultiFactorAuthPresent
aws:PrincipalAccount aws:PrincipalArn aws:PrincipalIsAWSService aws:PrincipalOrgID aws:PrincipalOrgPaths
aws:PrincipalServiceName aws:PrincipalServiceNamesList aws:PrincipalType aws:RequestedRegion aws:ResourceAccount
aws:ResourceOrgID aws:ResourceOrgPaths aws:SecureTransport aws:SourceAccount aws:SourceArn aws:SourceIdentity
aws:SourceIp aws:SourceOrgID aws:SourceOrgPaths aws:SourceVpc aws:SourceVpcArn aws:SourceVpce aws:TagKeys
aws:TokenIssueTime aws:UserAgent aws:ViaAWSService aws:VpcSourceIp ec2:RoleDelivery ec2:SourceInstanceARN
iam:AssociatedResourceArn iam:PassedToService iam:PermissionsBoundary iam:PolicyARN sts:ExternalId sts:RoleSessionName
sts:SourceIdentity sts:TransitiveTagKeys
"""
_SPELT = {name.lower(): name for name in _NAMES.split()}
_PREFIXES = {
    name.lower(): name for name in ("aws:PrincipalTag/", "aws:RequestTag/", "aws:ResourceTag/", "iam:ResourceTag/")
}


def spelt(key: str) -> str:
    """A key in lower case as AWS writes it; one that is not in the list stays as it is."""
    prefix, slash, rest = key.partition("/")
    return _PREFIXES.get(prefix + slash, prefix + slash) + rest if slash else _SPELT.get(key, key)
