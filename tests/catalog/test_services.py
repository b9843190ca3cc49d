# ruff: noqa: E501 - cases are shorter to read in wide lines
"""Actions and resources of single services, as their pages of the Service Authorization Reference have them.

Every table names its page in kansatsu.catalog.services.
"""

import base64
import json
from typing import Any

import pytest

from kansatsu import catalog, wire
from kansatsu.catalog import tags

ACCOUNT, REGION = "123456789012", "eu-west-1"
OTHER = "111122223333"
KEY = "11111111-2222-3333-4444-555555555555"
Case = tuple[str, dict[str, Any], list[str]]


def resolve(service: str, operation: str, params: dict[str, Any], **more: Any) -> tuple[catalog.Authorization, ...]:
    return catalog.resolve(wire.load_service(service).operation(operation), params, ACCOUNT, REGION, **more)


def at(service: str, resource: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{resource}"


ROLE = f"arn:aws:iam::{ACCOUNT}:role/path/r"
URL = f"http://localhost:8080/{ACCOUNT}/q"
HOSTS = at("ssm", "servicesetting/ssm/managed-instance/default-ec2-instance-management-role")
HANDLE = base64.b64encode(json.dumps({"taskId": "1", "sourceArn": at("sqs", "q")}).encode()).decode()
Q, T, F = at("sqs", "q"), at("sns", "t"), at("lambda", "function:f")
# service -> (operation, parameters, "action resource" of each check)
CASES: dict[str, list[Case]] = {
    "ec2": [
        ("DeleteRoute", {"RouteTableId": "rtb-1", "DestinationPrefixListId": "pl-1"}, [f"ec2:DeleteRoute {at('ec2', 'route-table/rtb-1')}"]),
        ("ModifyVpcEndpoint", {"VpcEndpointId": "vpce-1", "AddSubnetIds": ["subnet-1"], "RemoveSecurityGroupIds": ["sg-1"]}, [f"ec2:ModifyVpcEndpoint {at('ec2', r)}" for r in ("security-group/sg-1", "subnet/subnet-1", "vpc-endpoint/vpce-1")]),
        ("EnableVgwRoutePropagation", {"GatewayId": "vgw-1", "RouteTableId": "rtb-1"}, [f"ec2:EnableVgwRoutePropagation {at('ec2', r)}" for r in ("route-table/rtb-1", "vpn-gateway/vgw-1")]),
        ("AssociateRouteTable", {"GatewayId": "igw-1", "RouteTableId": "rtb-1"}, [f"ec2:AssociateRouteTable {at('ec2', r)}" for r in ("internet-gateway/igw-1", "route-table/rtb-1")]),
        ("GetCoipPoolUsage", {"PoolId": "ipv4pool-coip-1"}, [f"ec2:GetCoipPoolUsage {at('ec2', 'coip-pool/ipv4pool-coip-1')}"]),
        ("DeletePublicIpv4Pool", {"PoolId": "ipv4pool-ec2-1"}, [f"ec2:DeletePublicIpv4Pool {at('ec2', 'ipv4pool-ec2/ipv4pool-ec2-1')}"]),
        ("AcceptAddressTransfer", {"Address": "203.0.113.1"}, [f"ec2:AcceptAddressTransfer {at('ec2', 'elastic-ip/*')}"]),
        ("AssociateEnclaveCertificateIamRole", {"CertificateArn": at("acm", "certificate/c"), "RoleArn": ROLE}, [f"ec2:AssociateEnclaveCertificateIamRole {r}" for r in (at("acm", "certificate/c"), ROLE)] + [f"iam:PassRole {ROLE}"]),
        ("AssociateIpamResourceDiscovery", {"IpamId": "ipam-1", "IpamResourceDiscoveryId": "ipam-res-disco-1"}, [f"ec2:AssociateIpamResourceDiscovery {at('ec2', r, '')}" for r in ("ipam/ipam-1", "ipam-resource-discovery/ipam-res-disco-1", "ipam-resource-discovery-association/*")]),
        ("CopyFpgaImage", {"SourceFpgaImageId": "afi-1", "SourceRegion": REGION}, [f"ec2:CopyFpgaImage {at('ec2', r)}" for r in ("fpga-image/afi-1", "fpga-image/*")]),
        ("CopyImage", {"SourceImageId": "ami-1", "Name": "n"}, [f"ec2:CopyImage {at('ec2', r, account='')}" for r in ("image/ami-1", "image/*", "snapshot/*")]),
        ("CopySnapshot", {"SourceSnapshotId": "snap-1"}, [f"ec2:CopySnapshot {at('ec2', r, account='')}" for r in ("snapshot/snap-1", "snapshot/*")]),
        ("CopyVolumes", {"SourceVolumeId": "vol-1"}, [f"ec2:CopyVolumes {at('ec2', r)}" for r in ("volume/vol-1", "volume/*")]),
        ("CreateTransitGatewayConnect", {"TransportTransitGatewayAttachmentId": "tgw-attach-1"}, [f"ec2:CreateTransitGatewayConnect {at('ec2', r)}" for r in ("transit-gateway-attachment/tgw-attach-1", "transit-gateway-attachment/*")]),
        ("CreateTransitGatewayPeeringAttachment", {"TransitGatewayId": "tgw-1", "PeerTransitGatewayId": "tgw-2", "PeerAccountId": OTHER, "PeerRegion": "us-east-1"}, [f"ec2:CreateTransitGatewayPeeringAttachment {at('ec2', r)}" for r in ("transit-gateway/tgw-1", "transit-gateway-attachment/*")]),
        ("EnableFastSnapshotRestores", {"SourceSnapshotIds": ["snap-1"], "AvailabilityZoneIds": ["use1-az1"]}, [f"ec2:EnableFastSnapshotRestores {at('ec2', 'snapshot/snap-1', account='')}"]),
    ],
    "sqs": [
        ("SendMessage", {"QueueUrl": URL}, [f"sqs:SendMessage {Q}"]),
        ("SendMessageBatch", {"QueueUrl": URL, "Entries": []}, [f"sqs:SendMessage {Q}"]),
        ("DeleteMessageBatch", {"QueueUrl": f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/q"}, [f"sqs:DeleteMessage {Q}"]),
        ("ReceiveMessage", {"QueueUrl": URL + ".fifo"}, [f"sqs:ReceiveMessage {Q}.fifo"]),
        ("ReceiveMessage", {"QueueUrl": f"http://h/{OTHER}/q"}, [f"sqs:ReceiveMessage {at('sqs', 'q', account=OTHER)}"]),
        ("CreateQueue", {"QueueName": "q"}, [f"sqs:CreateQueue {Q}"]),
        ("CreateQueue", {"QueueName": "q", "tags": {"a": "b"}}, [f"sqs:CreateQueue {Q}", f"sqs:TagQueue {Q}"]),
        ("GetQueueUrl", {"QueueName": "q", "QueueOwnerAWSAccountId": OTHER}, [f"sqs:GetQueueUrl {at('sqs', 'q', account=OTHER)}"]),
        ("ListQueues", {"QueueNamePrefix": "q"}, ["sqs:ListQueues *"]),
        ("StartMessageMoveTask", {"SourceArn": Q, "DestinationArn": Q + "2"}, [f"sqs:StartMessageMoveTask {Q}", f"sqs:StartMessageMoveTask {Q}2", *(f"sqs:{a} {Q}" for a in ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage")), f"sqs:SendMessage {Q}2"]),
    ],
    "sns": [
        ("Publish", {"TopicArn": T}, [f"sns:Publish {T}"]),
        ("Publish", {"TargetArn": T}, [f"sns:Publish {T}"]),
        ("Publish", {"PhoneNumber": "+1"}, ["sns:Publish *"]),
        ("PublishBatch", {"TopicArn": T}, [f"sns:Publish {T}"]),
        ("CreateTopic", {"Name": "t"}, [f"sns:CreateTopic {T}"]),
        ("CreateTopic", {"Name": "t", "Tags": [{"Key": "a", "Value": "b"}]}, [f"sns:CreateTopic {T}", f"sns:TagResource {T}"]),
        ("Subscribe", {"TopicArn": T, "Protocol": "sqs", "Endpoint": Q}, [f"sns:Subscribe {T}"]),
        ("Unsubscribe", {"SubscriptionArn": f"{T}:{KEY}"}, [f"sns:Unsubscribe {T}"]),
        ("TagResource", {"ResourceArn": T, "Tags": []}, [f"sns:TagResource {T}"]),
        ("ListTopics", {}, ["sns:ListTopics *"]),
    ],
    "lambda": [
        ("UpdateFunctionCode", {"FunctionName": "f", "S3Bucket": "b", "S3Key": "k/*"}, [f"lambda:UpdateFunctionCode {F}", "s3:GetObject arn:aws:s3:::b/k/*"]),
        ("CreateFunction", {"FunctionName": "f", "Code": {"S3Bucket": "b", "S3Key": "k", "S3ObjectVersion": "1"}, "Layers": [at("lambda", "layer:l:1", account=OTHER)]}, [f"lambda:CreateFunction {F}", f"lambda:GetLayerVersion {at('lambda', 'layer:l:1', account=OTHER)}", "s3:GetObjectVersion arn:aws:s3:::b/k"]),
        ("UpdateFunctionConfiguration", {"FunctionName": "f", "Layers": [at("lambda", "layer:l:2")]}, [f"lambda:UpdateFunctionConfiguration {F}", f"lambda:GetLayerVersion {at('lambda', 'layer:l:2')}"]),
        ("PublishLayerVersion", {"LayerName": "l", "Content": {"S3Bucket": "b", "S3Key": "k"}}, [f"lambda:PublishLayerVersion {at('lambda', 'layer:l')}", "s3:GetObject arn:aws:s3:::b/k"]),
        ("Invoke", {"FunctionName": "f"}, [f"lambda:InvokeFunction {F}"]),
        ("Invoke", {"FunctionName": F}, [f"lambda:InvokeFunction {F}"]),
        ("Invoke", {"FunctionName": f"{ACCOUNT}:function:f:live"}, [f"lambda:InvokeFunction {F}:live"]),
        ("Invoke", {"FunctionName": "f", "Qualifier": "$LATEST"}, [f"lambda:InvokeFunction {F}:$LATEST"]),
        ("Invoke", {"FunctionName": "f:1", "Qualifier": "1"}, [f"lambda:InvokeFunction {F}:1"]),
        ("Invoke", {"FunctionName": at("lambda", "function:f", account=OTHER)}, [f"lambda:InvokeFunction {at('lambda', 'function:f', account=OTHER)}"]),
        ("CreateFunction", {"FunctionName": "f"}, [f"lambda:CreateFunction {F}"]),
        ("GetLayerVersion", {"LayerName": "l", "VersionNumber": 3}, [f"lambda:GetLayerVersion {at('lambda', 'layer:l:3')}"]),
        ("PublishLayerVersion", {"LayerName": "l"}, [f"lambda:PublishLayerVersion {at('lambda', 'layer:l')}"]),
        ("ListFunctions", {}, ["lambda:ListFunctions *"]),
        ("TagResource", {"Resource": F, "Tags": {}}, [f"lambda:TagResource {F}"]),
        ("DeleteEventSourceMapping", {"UUID": KEY}, [f"lambda:DeleteEventSourceMapping {at('lambda', 'event-source-mapping:' + KEY)}"]),
        ("CreateEventSourceMapping", {"FunctionName": "f"}, ["lambda:CreateEventSourceMapping *"]),
    ],
    "kms": [
        ("Encrypt", {"KeyId": KEY}, [f"kms:Encrypt {at('kms', 'key/' + KEY)}"]),
        ("Decrypt", {"KeyId": at("kms", "key/" + KEY)}, [f"kms:Decrypt {at('kms', 'key/' + KEY)}"]),
        ("CreateKey", {}, ["kms:CreateKey *"]),
        ("ListKeys", {}, ["kms:ListKeys *"]),
        ("CreateAlias", {"AliasName": "alias/a", "TargetKeyId": KEY}, [f"kms:CreateAlias {at('kms', 'alias/a')}", f"kms:CreateAlias {at('kms', 'key/' + KEY)}"]),
        ("ReEncrypt", {"SourceKeyId": KEY, "DestinationKeyId": KEY[:-1] + "6"}, [f"kms:ReEncryptFrom {at('kms', 'key/' + KEY)}", f"kms:ReEncryptTo {at('kms', 'key/' + KEY[:-1] + '6')}"]),
    ],
    "secretsmanager": [
        ("CreateSecret", {"Name": "a/b"}, [f"secretsmanager:CreateSecret {at('secretsmanager', 'secret:a/b-??????')}"]),
        ("ListSecrets", {}, ["secretsmanager:ListSecrets *"]),
    ],
    "ssm": [
        ("CreateAssociation", {"Name": "d", "InstanceId": "i-0123456789abcdef0"}, [f"ssm:CreateAssociation {r}" for r in (at("ssm", "document/d"), at("ec2", "instance/i-0123456789abcdef0"), at("ssm", "association/*"))]),
        ("CreateAssociationBatch", {"Entries": [{"Name": "d"}, {"Name": "e", "InstanceId": "mi-0123456789abcdef0"}]}, [f"ssm:CreateAssociationBatch {at('ssm', r)}" for r in ("document/d", "document/e", "managed-instance/mi-0123456789abcdef0")]),
        ("StartAutomationExecution", {"DocumentName": "AWS-RestartEC2Instance"}, [f"ssm:StartAutomationExecution {r}" for r in (at("ssm", "document/AWS-RestartEC2Instance", account=""), at("ssm", "automation-execution/*"))]),
        ("StartChangeRequestExecution", {"DocumentName": "d", "Runbooks": [{"DocumentName": "e"}]}, [f"ssm:StartChangeRequestExecution {at('ssm', r)}" for r in ("document/d", "document/e", "automation-execution/*")]),
        ("GetParameter", {"Name": "/a/b"}, [f"ssm:GetParameter {at('ssm', 'parameter/a/b')}"]),
        ("GetParameter", {"Name": "a:3"}, [f"ssm:GetParameter {at('ssm', 'parameter/a')}"]),
        ("GetParameter", {"Name": at("ssm", "parameter/a/b")}, [f"ssm:GetParameter {at('ssm', 'parameter/a/b')}"]),
        ("GetParameters", {"Names": ["a", "/b"]}, [f"ssm:GetParameters {at('ssm', 'parameter/a')}", f"ssm:GetParameters {at('ssm', 'parameter/b')}"]),
        ("GetParametersByPath", {"Path": "/a/"}, [f"ssm:GetParametersByPath {at('ssm', 'parameter/a/')}"]),
        ("PutParameter", {"Name": "a", "Tags": [{"Key": "k", "Value": "v"}]}, [f"ssm:PutParameter {at('ssm', 'parameter/a')}", f"ssm:AddTagsToResource {at('ssm', 'parameter/a')}"]),
        ("SendCommand", {"DocumentName": "AWS-RunShellScript", "InstanceIds": ["i-1", "mi-2"]}, [f"ssm:SendCommand {at('ssm', 'document/AWS-RunShellScript', account='')}", f"ssm:SendCommand {at('ec2', 'instance/i-1')}", f"ssm:SendCommand {at('ssm', 'managed-instance/mi-2')}"]),
        ("DescribeParameters", {}, ["ssm:DescribeParameters *"]),
        ("GetAccessToken", {"AccessRequestId": "oi-1"}, [f"ssm:GetAccessToken {at('ssm', 'opsitem/oi-1')}"]),
        ("StartAccessRequest", {"Reason": "r", "Targets": [{"Key": "InstanceIds", "Values": ["i-1", "mi-2"]}]}, [f"ssm:StartAccessRequest {r}" for r in (at("ec2", "instance/i-1"), at("ssm", "managed-instance/mi-2"))]),
        ("DeregisterDefaultHostManagementConfiguration", {}, [f"ssm:{a}ServiceSetting {HOSTS}" for a in ("Get", "Reset")]),
        ("RegisterDefaultHostManagementConfiguration", {"RoleArn": ROLE}, [*(f"ssm:{a}ServiceSetting {HOSTS}" for a in ("Get", "Update")), f"iam:GetRole {ROLE}", f"iam:PassRole {ROLE}"]),
        ("AddTagsToResource", {"ResourceType": "Parameter", "ResourceId": "/a"}, [f"ssm:AddTagsToResource {at('ssm', 'parameter/a')}"]),
    ],
    "logs": [
        ("CreateLogGroup", {"logGroupName": "/a/b"}, [f"logs:CreateLogGroup {at('logs', 'log-group:/a/b:log-stream:')}"]),
        ("PutLogEvents", {"logGroupName": "g", "logStreamName": "2026/[$LATEST]x"}, [f"logs:PutLogEvents {at('logs', 'log-group:g:log-stream:2026/[$LATEST]x')}"]),
        ("CreateLogStream", {"logGroupName": "g", "logStreamName": "s"}, [f"logs:CreateLogStream {at('logs', 'log-group:g:log-stream:s')}"]),
        ("FilterLogEvents", {"logGroupIdentifier": at("logs", "log-group:g")}, [f"logs:FilterLogEvents {at('logs', 'log-group:g:log-stream:')}"]),
        ("TagResource", {"resourceArn": at("logs", "log-group:/g"), "tags": {}}, [f"logs:TagResource {at('logs', 'log-group:/g')}"]),
        ("DescribeLogGroups", {}, ["logs:DescribeLogGroups *"]),
        ("StartQuery", {"logGroupNames": ["a", "b"]}, [f"logs:StartQuery {at('logs', f'log-group:{g}:log-stream:')}" for g in "ab"]),
    ],
    "events": [
        ("PutEvents", {"Entries": [{"Source": "s"}, {"EventBusName": "b"}]}, [f"events:PutEvents {at('events', 'event-bus/default')}", f"events:PutEvents {at('events', 'event-bus/b')}"]),
        ("PutRule", {"Name": "r"}, [f"events:PutRule {at('events', 'rule/r')}"]),
        ("PutTargets", {"Rule": "r", "EventBusName": "b", "Targets": []}, [f"events:PutTargets {at('events', 'rule/b/r')}"]),
        ("DeleteRule", {"Name": "r", "EventBusName": at("events", "event-bus/b")}, [f"events:DeleteRule {at('events', 'rule/b/r')}"]),
        ("DescribeEventBus", {}, [f"events:DescribeEventBus {at('events', 'event-bus/default')}"]),
        ("DescribeArchive", {"ArchiveName": "a"}, [f"events:DescribeArchive {at('events', 'archive/a')}"]),
    ],
    "kinesis": [
        ("PutRecord", {"StreamName": "s"}, [f"kinesis:PutRecord {at('kinesis', 'stream/s')}"]),
        ("ListStreams", {}, ["kinesis:ListStreams *"]),
    ],
    "firehose": [("PutRecord", {"DeliveryStreamName": "s"}, [f"firehose:PutRecord {at('firehose', 'deliverystream/s')}"])],
    "ecr": [
        ("CreateRepository", {"repositoryName": "a/b"}, [f"ecr:CreateRepository {at('ecr', 'repository/a/b')}"]),
        ("GetAuthorizationToken", {}, ["ecr:GetAuthorizationToken *"]),
        ("ListImageReferrers", {"repositoryName": "a/b", "subjectId": {"imageDigest": "sha256:1"}}, [f"ecr:BatchGetImage {at('ecr', 'repository/a/b')}"]),
    ],
    "cloudwatch": [
        ("ListAlarmMuteRules", {}, [f"cloudwatch:ListAlarmMuteRules {at('cloudwatch', 'alarm-mute-rule:*')}"]),
        ("ListMetricDataQueryDefinitions", {}, ["cloudwatch:ListMetricDataQueryDefinitions *"]),
        ("PutMetricData", {"Namespace": "n"}, ["cloudwatch:PutMetricData *"]),
        ("DeleteAlarms", {"AlarmNames": ["a", "b"]}, [f"cloudwatch:DeleteAlarms {at('cloudwatch', f'alarm:{a}')}" for a in "ab"]),
    ],
    "stepfunctions": [
        *((op, {member: at("states", "stateMachine:m:PROD")}, [f"states:{op} {at('states', 'stateMachine:m')}"]) for op, member in (("StartExecution", "stateMachineArn"), ("StartSyncExecution", "stateMachineArn"), ("DescribeStateMachine", "stateMachineArn"), ("ListExecutions", "stateMachineArn"), ("DeleteStateMachineAlias", "stateMachineAliasArn"), ("DeleteStateMachineVersion", "stateMachineVersionArn"))),
        ("CreateStateMachineAlias", {"name": "a", "routingConfiguration": [{"stateMachineVersionArn": at("states", "stateMachine:m:1"), "weight": 100}]}, [f"states:CreateStateMachineAlias {at('states', 'stateMachine:m')}"]),
        ("StartExecution", {"stateMachineArn": at("states", "stateMachine:m")}, [f"states:StartExecution {at('states', 'stateMachine:m')}"]),
        ("DescribeExecution", {"executionArn": at("states", "execution:m:e")}, [f"states:DescribeExecution {at('states', 'execution:m:e')}"]),
        ("CreateStateMachine", {"name": "m"}, [f"states:CreateStateMachine {at('states', 'stateMachine:m')}"]),
    ],
    "apigateway": [
        ("GetRestApis", {}, ["apigateway:GET arn:aws:apigateway:eu-west-1::/restapis"]),
        ("CreateResource", {"restApiId": "a", "parentId": "p"}, ["apigateway:POST arn:aws:apigateway:eu-west-1::/restapis/a/resources/p"]),
        ("UpdateStage", {"restApiId": "a", "stageName": "s"}, ["apigateway:PATCH arn:aws:apigateway:eu-west-1::/restapis/a/stages/s"]),
    ],
    "apigatewayv2": [("GetApi", {"ApiId": "a"}, ["apigateway:GET arn:aws:apigateway:eu-west-1::/apis/a"])],
    "rds": [
        ("DeleteDBInstance", {"DBInstanceIdentifier": "PROD"}, [f"rds:DeleteDBInstance {at('rds', 'db:prod')}"]),
        ("CreateIntegration", {"IntegrationName": "i", "SourceArn": at("rds", "cluster:c"), "TargetArn": at("redshift-serverless", "namespace/n")}, [f"rds:CreateIntegration {at('rds', r)}" for r in ("cluster:c", "integration:*")]),
        ("PurchaseReservedDBInstancesOffering", {"ReservedDBInstancesOfferingId": "o", "ReservedDBInstanceId": "r"}, [f"rds:PurchaseReservedDBInstancesOffering {at('rds', 'ri:r')}"]),
        ("PurchaseReservedDBInstancesOffering", {"ReservedDBInstancesOfferingId": "o"}, [f"rds:PurchaseReservedDBInstancesOffering {at('rds', 'ri:*')}"]),
        ("DescribeReservedDBInstances", {"ReservedDBInstanceId": "r"}, [f"rds:DescribeReservedDBInstances {at('rds', 'ri:r')}"]),
        ("CreateDBSnapshot", {"DBInstanceIdentifier": "d", "DBSnapshotIdentifier": "s"}, [f"rds:CreateDBSnapshot {at('rds', 'db:d')}", f"rds:CreateDBSnapshot {at('rds', 'snapshot:s')}"]),
    ],
    "elasticache": [("DeleteCacheCluster", {"CacheClusterId": "C"}, [f"elasticache:DeleteCacheCluster {at('elasticache', 'cluster:c')}"])],
    "route53": [
        ("ChangeResourceRecordSets", {"HostedZoneId": "/hostedzone/Z1"}, ["route53:ChangeResourceRecordSets arn:aws:route53:::hostedzone/Z1"]),
        ("GetHostedZone", {"Id": "Z1"}, ["route53:GetHostedZone arn:aws:route53:::hostedzone/Z1"]),
    ],
    "cloudformation": [
        ("DescribeStacks", {"StackName": "s"}, [f"cloudformation:DescribeStacks {at('cloudformation', 'stack/s/*')}"]),
        ("DeleteStack", {"StackName": at("cloudformation", "stack/s/1-2")}, [f"cloudformation:DeleteStack {at('cloudformation', 'stack/s/1-2')}"]),
        ("DescribeStacks", {}, ["cloudformation:DescribeStacks *"]),
        ("CreateStackRefactor", {"StackDefinitions": [{"StackName": "a"}], "ResourceMappings": [{"Source": {"StackName": "a"}, "Destination": {"StackName": "b"}}]}, [f"cloudformation:CreateStackRefactor {at('cloudformation', f'stack/{s}/*')}" for s in "ab"]),
        ("DescribeEvents", {"StackName": "s", "OperationId": "o"}, [f"cloudformation:DescribeEvents {at('cloudformation', 'stack/s/*')}"]),
        ("DescribeEvents", {"ChangeSetName": at("cloudformation", "changeSet/c/1")}, [f"cloudformation:DescribeEvents {at('cloudformation', 'changeSet/c/1')}"]),
        ("DescribeEvents", {"ChangeSetName": "c", "StackName": "s"}, [f"cloudformation:DescribeEvents {at('cloudformation', r)}" for r in ("changeSet/c/*", "stack/s/*")]),
        ("GetTemplateSummary", {"StackName": "s"}, [f"cloudformation:GetTemplateSummary {at('cloudformation', 'stack/s/*')}"]),
        ("GetTemplateSummary", {"StackSetName": "s"}, [f"cloudformation:GetTemplateSummary {at('cloudformation', 'stackset/s:*')}"]),
        ("GetTemplateSummary", {"TemplateBody": "{}"}, ["cloudformation:GetTemplateSummary *"]),
        ("ListStackRefactors", {}, [f"cloudformation:ListStackRefactors {at('cloudformation', 'stack/*/*')}"]),
    ],
    "acm": [("RequestCertificate", {"DomainName": "d"}, ["acm:RequestCertificate *"])],
    "cognito-idp": [
        ("CreateCIMDPolicy", {"UserPoolId": "eu-west-1_x", "PolicyName": "p"}, [f"cognito-idp:CreateCIMDPolicy {at('cognito-idp', 'userpool/eu-west-1_x')}"]),
        ("GetUserAuthFactors", {"AccessToken": "t"}, ["cognito-idp:GetUserAuthFactors *"]),
        ("AdminCreateUser", {"UserPoolId": "eu-west-1_x", "Username": "u"}, [f"cognito-idp:AdminCreateUser {at('cognito-idp', 'userpool/eu-west-1_x')}"]),
    ],
    "batch": [
        ("SubmitJob", {"jobName": "j", "jobQueue": "q", "jobDefinition": "d:1"}, [f"batch:SubmitJob {at('batch', r)}" for r in ("job-definition/d:1", "job-queue/q", "job/*")]),
        ("CancelJobs", {"jobs": ["a", "b"]}, [f"batch:CancelJob {at('batch', f'job/{j}')}" for j in "ab"]),
        ("TerminateServiceJobs", {"jobs": ["a"]}, [f"batch:TerminateServiceJob {at('batch', 'service-job/a')}"]),
        ("SubmitServiceJob", {"jobName": "j", "jobQueue": "q"}, [f"batch:SubmitServiceJob {at('batch', r)}" for r in ("job-queue/q", "service-job/*")]),
    ],
    "glue": [
        ("BatchGetTableOptimizer", {"Entries": [{"databaseName": "d", "tableName": "T"}, {"databaseName": "e", "tableName": "u", "catalogId": ACCOUNT}]}, [f"glue:BatchGetTableOptimizer {at('glue', r)}" for r in ("catalog", "database/d", "table/d/t", "database/e", "table/e/u")]),
        *((name, {"RunId": "r"}, [f"glue:{name} {at('glue', 'dataQualityRuleset/*')}"]) for name in ("CancelDataQualityRulesetEvaluationRun", "GetDataQualityRuleRecommendationRun")),
        ("ListDataQualityStatistics", {}, [f"glue:GetDataQualityResult {at('glue', 'dataQualityRuleset/*')}"]),
        ("GetEntityRecords", {"ConnectionName": "c", "EntityName": "e", "Limit": 1}, [f"glue:GetEntityRecords {at('glue', r)}" for r in ("catalog", "connection/c")]),
        ("CreateIntegration", {"IntegrationName": "i", "SourceArn": "arn:aws:dynamodb:eu-west-1:123456789012:table/t", "TargetArn": at("glue", "database/d")}, [f"glue:CreateIntegration {at('glue', r)}" for r in ("catalog", "database/d", "integration:*")]),
        ("GetIntegrationResourceProperty", {"ResourceArn": at("glue", "connection/c")}, [f"glue:GetIntegrationResourceProperty {at('glue', r)}" for r in ("catalog", "connection/c", "integrationresourceproperty/connection/c")]),
        ("ListIntegrationResourceProperties", {}, [f"glue:ListIntegrationResourceProperties {at('glue', r)}" for r in ("catalog", "connection/*", "database/*", "integrationresourceproperty/*/*")]),
        ("GetUnfilteredPartitionMetadata", {"CatalogId": ACCOUNT, "DatabaseName": "d", "TableName": "t"}, [f"glue:GetPartition {at('glue', r)}" for r in ("catalog", "database/d", "table/d/t")]),
        ("GetUnfilteredTableMetadata", {"CatalogId": ACCOUNT, "DatabaseName": "d", "Name": "t", "Region": REGION}, [f"glue:GetTable {at('glue', r)}" for r in ("catalog", "database/d", "table/d/t")]),
        ("StartJobUpgradeAnalysis", {"jobName": "j"}, [f"glue:StartJobUpgradeAnalysis {at('glue', 'job/j')}"]),
        ("ListMLTransforms", {}, [f"glue:ListMLTransforms {at('glue', 'mlTransform/*')}"]),
        ("GetTable", {"DatabaseName": "D", "Name": "T"}, [f"glue:GetTable {at('glue', r)}" for r in ("catalog", "database/d", "table/d/t")]),
        ("StartJobRun", {"JobName": "j"}, [f"glue:StartJobRun {at('glue', 'job/j')}"]),
    ],
    "athena": [
        ("StartQueryExecution", {"QueryString": "x"}, [f"athena:StartQueryExecution {at('athena', 'workgroup/primary')}"]),
        ("PutCapacityAssignmentConfiguration", {"CapacityReservationName": "c", "CapacityAssignments": [{"WorkGroupNames": ["a", "b"]}]}, [f"athena:PutCapacityAssignmentConfiguration {at('athena', r)}" for r in ("capacity-reservation/c", "workgroup/a", "workgroup/b")]),
    ],
    "efs": [("DeleteFileSystem", {"FileSystemId": "fs-1"}, [f"elasticfilesystem:DeleteFileSystem {at('elasticfilesystem', 'file-system/fs-1')}"])],
    "ecs": [("DescribeServices", {"services": ["s"]}, [f"ecs:DescribeServices {at('ecs', 'service/default/s')}"])],
    "codebuild": [("BatchGetBuilds", {"ids": ["p:1-2"]}, [f"codebuild:BatchGetBuilds {at('codebuild', 'project/p')}"])],
    "elbv2": [("CreateLoadBalancer", {"Name": "n", "Type": "network"}, [f"elasticloadbalancing:CreateLoadBalancer {at('elasticloadbalancing', 'loadbalancer/net/n/*')}"])],
    "scheduler": [("GetSchedule", {"Name": "n"}, [f"scheduler:GetSchedule {at('scheduler', 'schedule/default/n')}"])],
}  # fmt: skip


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    [(service, *case) for service, cases in CASES.items() for case in cases],
)
def test_resources(service: str, operation: str, params: dict[str, Any], expected: list[str]) -> None:
    found = resolve(service, operation, params)
    assert sorted(f"{item.action} {item.resource}" for item in found) == sorted(expected)
    assert all(item.exact for item in found)


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("ec2", "AssociateRouteTable", {"GatewayId": "xyz-1", "RouteTableId": "rtb-1"}),
        ("ec2", "DisassociateRouteTable", {"AssociationId": "rtbassoc-1"}),
        ("ssm", "UpdateAssociationStatus", {"Name": "d", "InstanceId": "x"}),
        ("stepfunctions", "CreateStateMachineAlias", {"name": "a", "routingConfiguration": [{"stateMachineVersionArn": at("states", "stateMachine:m:1", account=OTHER)}]}),
        ("batch", "SubmitServiceJob", {"jobName": "j", "jobQueue": "q", "quotaShareName": "s"}),
        ("glue", "BatchGetTableOptimizer", {"Entries": [{"databaseName": "d", "tableName": "t", "catalogId": OTHER}]}),
        ("ec2", "GetAssociatedEnclaveCertificateIamRoles", {"CertificateArn": ROLE}),
        ("ec2", "CreateSnapshots", {"InstanceSpecification": {"InstanceId": "i-1"}}),
        ("cloudformation", "DescribeEvents", {"OperationId": "o"}),
        ("cloudformation", "DescribeEvents", {"ChangeSetName": "c"}),
        ("cloudformation", "GetTemplateSummary", {}),
        ("glue", "GetUnfilteredTableMetadata", {"CatalogId": ACCOUNT, "DatabaseName": "d", "Name": "t", "Region": "us-east-1"}),
        ("glue", "ListDataQualityStatistics", {"StatisticId": "s"}),
        ("glue", "GetEntityRecords", {"EntityName": "e", "Limit": 1}),
        ("glue", "CreateIntegrationResourceProperty", {"ResourceArn": at("glue", "database/d", account=OTHER)}),
        ("ssm", "StartAccessRequest", {"Reason": "r", "Targets": [{"Key": "tag:a", "Values": ["b"]}]}),
        ("sqs", "CancelMessageMoveTask", {"TaskHandle": HANDLE}),
    ],
)  # fmt: skip
def test_what_cannot_be_told_surely_is_on_everything(service: str, operation: str, params: dict[str, Any]) -> None:
    (found,) = resolve(service, operation, params)
    assert (found.resource, found.exact) == ("*", False)


@pytest.mark.parametrize(
    ("service", "operation", "params", "principal"),
    [
        ("lambda", "CreateFunction", {"FunctionName": "f", "Role": ROLE}, "lambda"),
        ("lambda", "UpdateFunctionConfiguration", {"FunctionName": "f", "Role": ROLE}, "lambda"),
        ("stepfunctions", "CreateStateMachine", {"name": "m", "roleArn": ROLE}, "states"),
        ("events", "PutTargets", {"Rule": "r", "Targets": [{"Arn": "x", "RoleArn": ROLE}]}, "events"),
        ("firehose", "CreateDeliveryStream", {"DeliveryStreamName": "s", "S3DestinationConfiguration": {"RoleARN": ROLE}}, "firehose"),
        ("batch", "CreateComputeEnvironment", {"computeEnvironmentName": "c", "serviceRole": ROLE}, "batch"),
        ("glue", "CreateJob", {"Name": "j", "Role": ROLE}, "glue"),
        ("glue", "CreateJob", {"Name": "j", "Role": "r"}, "glue"),
        ("rds", "CreateDBInstance", {"DBInstanceIdentifier": "d", "MonitoringRoleArn": ROLE}, "monitoring.rds"),
        ("s3", "PutBucketReplication", {"Bucket": "b", "ReplicationConfiguration": {"Role": ROLE}}, "s3"),
        ("ec2", "CreateFlowLogs", {"ResourceIds": ["vpc-1"], "DeliverLogsPermissionArn": ROLE}, "vpc-flow-logs"),
        ("ecs", "RegisterTaskDefinition", {"family": "f", "taskRoleArn": ROLE}, "ecs-tasks"),
        ("cognito-idp", "CreateGroup", {"UserPoolId": "p", "GroupName": "g", "RoleArn": ROLE}, "cognito-idp"),
        ("emr", "RunJobFlow", {"Name": "n", "ServiceRole": "r"}, "elasticmapreduce"),
        ("apigateway", "PutIntegration", {"restApiId": "a", "resourceId": "r", "httpMethod": "GET", "credentials": ROLE}, "apigateway"),
        ("apigateway", "UpdateIntegration", {"restApiId": "a", "resourceId": "r", "httpMethod": "GET", "patchOperations": [{"op": "replace", "path": "/credentials", "value": ROLE}]}, "apigateway"),
        ("apigateway", "UpdateAccount", {"patchOperations": [{"op": "replace", "path": "/cloudwatchRoleArn", "value": ROLE}]}, "apigateway"),
        ("apigateway", "ImportRestApi", {"body": json.dumps({"x": [{"\x63redentials": ROLE}]}).encode()}, "apigateway"),
        ("apigateway", "PutRestApi", {"restApiId": "a", "body": f'{{"\\u0063redentials": "{ROLE}", "credentials": null}}'.encode()}, "apigateway"),
        ("apigatewayv2", "ImportApi", {"Body": json.dumps({"authorizerCredentials": ROLE})}, "apigateway"),
        ("apigatewayv2", "CreateAuthorizer", {"ApiId": "a", "AuthorizerCredentialsArn": ROLE}, "apigateway"),
        ("apigatewayv2", "CreateIntegration", {"ApiId": "a", "CredentialsArn": ROLE}, "apigateway"),
        ("batch", "CreateComputeEnvironment", {"computeEnvironmentName": "c", "computeResources": {"spotIamFleetRole": ROLE}}, "spotfleet"),
        ("cognito-identity", "SetIdentityPoolRoles", {"IdentityPoolId": "p", "Roles": {"authenticated": ROLE}}, "cognito-identity"),
        ("cognito-idp", "CreateUserPool", {"PoolName": "p", "SmsConfiguration": {"SnsCallerArn": ROLE}}, "cognito-idp"),
        ("eks", "CreateNodegroup", {"clusterName": "c", "nodeRole": ROLE}, "eks"),
        ("lakeformation", "RegisterResource", {"ResourceArn": "arn:aws:s3:::b", "RoleArn": ROLE}, "lakeformation"),
        ("redshift", "CreateCluster", {"ClusterIdentifier": "c", "IamRoles": [ROLE]}, "redshift"),
        ("redshift", "ModifyClusterIamRoles", {"ClusterIdentifier": "c", "AddIamRoles": [ROLE]}, "redshift"),
        ("rds", "CreateDBInstance", {"DBInstanceIdentifier": "d", "DomainIAMRoleName": "r"}, "directoryservice.rds"),
        ("rolesanywhere", "CreateProfile", {"name": "n", "roleArns": [ROLE]}, "rolesanywhere"),
        ("ssm", "StartAutomationExecution", {"DocumentName": "d", "Parameters": {"AutomationAssumeRole": [ROLE], "Mode": ["fast"]}}, "ssm"),
        ("swf", "StartWorkflowExecution", {"domain": "d", "workflowId": "w", "lambdaRole": ROLE}, "swf"),
        ("transfer", "CreateServer", {"IdentityProviderDetails": {"InvocationRole": ROLE}}, "transfer"),
    ],
)  # fmt: skip
def test_a_role_that_is_handed_over(service: str, operation: str, params: dict[str, Any], principal: str) -> None:
    """The attack: somebody without iam:PassRole lets a service act with a role of more rights."""
    found = resolve(service, operation, params, role={"r": ROLE}.get)
    (passed,) = (item for item in found if item.action == "iam:PassRole")
    assert (passed.resource, passed.exact) == (ROLE, True)
    assert passed.context == {"iam:passedtoservice": f"{principal}.amazonaws.com"}


@pytest.mark.parametrize(
    "role",
    ["r", "arn:aws:iam::123456789012:user/u", "arn:aws:iam::123456789012:role/*", "arn:aws-cn:iam::1:role/r", ""],
)
def test_a_role_that_nobody_can_tell_is_passed_by_those_who_pass_all(role: str) -> None:
    found = resolve("glue", "CreateJob", {"Name": "j", "Role": role})
    passed = [(item.resource, item.exact) for item in found if item.action == "iam:PassRole"]
    assert passed == ([("*", False)] if role else [])


@pytest.mark.parametrize(
    ("service", "operation", "params", "launches"),
    [
        ("ec2", "CreateFleet", {"LaunchTemplateConfigs": [{"LaunchTemplateSpecification": {"LaunchTemplateName": "t"}}]}, True),
        ("ec2", "ModifyFleet", {"FleetId": "fleet-1", "LaunchTemplateConfigs": [{"LaunchTemplateSpecification": {"LaunchTemplateName": "t"}}]}, True),
        ("ec2", "ModifyFleet", {"FleetId": "fleet-1", "TargetCapacitySpecification": {"TotalTargetCapacity": 0}}, False),
        ("ec2", "RequestSpotFleet", {"SpotFleetRequestConfig": {"IamFleetRole": ROLE, "LaunchSpecifications": [{"ImageId": "ami-1"}]}}, True),
        ("autoscaling", "CreateAutoScalingGroup", {"AutoScalingGroupName": "g", "LaunchTemplate": {"LaunchTemplateName": "t"}}, True),
        ("autoscaling", "UpdateAutoScalingGroup", {"AutoScalingGroupName": "g", "MixedInstancesPolicy": {"LaunchTemplate": {}}}, True),
        ("autoscaling", "StartInstanceRefresh", {"AutoScalingGroupName": "g", "DesiredConfiguration": {"LaunchTemplate": {"LaunchTemplateName": "t"}}}, True),
        ("autoscaling", "CreateAutoScalingGroup", {"AutoScalingGroupName": "g", "LaunchConfigurationName": "c"}, False),
    ],
)  # fmt: skip
def test_who_launches_by_a_template_may_launch(
    service: str, operation: str, params: dict[str, Any], *, launches: bool
) -> None:
    """The attack: somebody without ec2:RunInstances has a fleet or a group launch what he wrote into a template."""
    found = [item for item in resolve(service, operation, params) if item.action == "ec2:RunInstances"]
    assert [(item.resource, item.exact) for item in found] == [("*", False)] * launches


def test_a_definition_of_an_api_that_may_hide_a_role() -> None:
    """The attack: YAML writes one key in many ways."""
    for body, hidden in ((b'{"openapi": "3.0"}', False), (b"openapi: 3.0", False), (b'"\\x63redentials": x', True)):
        found = resolve("apigateway", "ImportRestApi", {"body": body})
        passed = [(item.resource, item.exact) for item in found if item.action == "iam:PassRole"]
        assert passed == ([("*", False)] if hidden else [])


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("apigateway", "PutIntegration", {"restApiId": "a", "credentials": "arn:aws:iam::*:user/*"}),
        ("apigateway", "UpdateStage", {"restApiId": "a", "patchOperations": [{"path": "/description", "value": ROLE}]}),
        ("budgets", "CreateBudgetAction", {"Definition": {"IamActionDefinition": {"Roles": ["r"]}}}),
        ("redshift", "ModifyClusterIamRoles", {"ClusterIdentifier": "c", "RemoveIamRoles": [ROLE]}),
        ("ssm", "StartAutomationExecution", {"DocumentName": "d", "Parameters": {"InstanceId": ["i-1"]}}),
    ],
)
def test_what_only_looks_like_a_role(service: str, operation: str, params: dict[str, Any]) -> None:
    assert "iam:PassRole" not in {item.action for item in resolve(service, operation, params)}


def test_a_role_that_is_only_looked_at_is_not_handed_over() -> None:
    for service, operation in (
        ("sts", "AssumeRole"),
        ("iam", "CreateServiceLinkedRole"),
        ("rds", "RemoveRoleFromDBCluster"),
    ):
        found = resolve(service, operation, {"RoleArn": ROLE, "DBClusterIdentifier": "c"})
        assert all(item.action != "iam:PassRole" for item in found)


@pytest.mark.parametrize(
    "shape",
    [
        [{"Key": "A", "Value": "b"}],
        [{"key": "A", "value": "b"}],
        [{"TagKey": "A", "TagValue": "b"}],
        {"A": "b"},
        {"Items": [{"Key": "A", "Value": "b"}]},
    ],
)
@pytest.mark.parametrize("member", ["Tags", "tags", "TagList", "TagSet"])
def test_tags_in_any_shape(shape: Any, member: str) -> None:
    found = tags.request_tags({member: shape}, tags.members((member, "TagKeys")))
    assert found == {"aws:requesttag/a": "b", "aws:tagkeys": ("A",)}
