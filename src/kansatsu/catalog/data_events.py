"""Data events of CloudTrail: what a trail records only where its owner has turned them on. The one table of them.

By resource type: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
By operation, what each service's page says that the type's row there leads to:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html#cloudtrail-data-events
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/logging-using-cloudtrail.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/logging-using-cloudtrail.html
https://docs.aws.amazon.com/sns/latest/dg/logging-using-cloudtrail.html
"""

from collections.abc import Mapping

# botocore's service -> its operations; every other operation is a management event.
OPERATIONS: Mapping[str, frozenset[str]] = {
    "s3": frozenset(
        {
            *("AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload"),
            *("DeleteObject", "DeleteObjectTagging", "DeleteObjects", "GetObject", "GetObjectAcl"),
            *("GetObjectAttributes", "GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging"),
            *("GetObjectTorrent", "HeadBucket", "HeadObject", "ListMultipartUploads", "ListObjects"),
            *("ListObjectsV2", "ListObjectVersions", "ListParts", "PutObject", "PutObjectAcl"),
            *("PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging", "RestoreObject"),
            *("SelectObjectContent", "UploadPart", "UploadPartCopy"),
        }
    ),
    "dynamodb": frozenset(
        {
            *("BatchExecuteStatement", "BatchGetItem", "BatchWriteItem", "DeleteItem", "ExecuteStatement"),
            *("ExecuteTransaction", "GetItem", "PutItem", "Query", "Scan", "TransactGetItems"),
            *("TransactWriteItems", "UpdateItem"),
        }
    ),
    "dynamodbstreams": frozenset({"GetRecords", "GetShardIterator"}),
    "lambda": frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"}),
    "sns": frozenset({"Publish", "PublishBatch"}),
    "sqs": frozenset(
        {
            *("ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "DeleteMessage", "DeleteMessageBatch"),
            *("ReceiveMessage", "SendMessage", "SendMessageBatch"),
        }
    ),
    "kinesis": frozenset({"GetRecords", "GetShardIterator", "PutRecord", "PutRecords", "SubscribeToShard"}),
    # https://docs.aws.amazon.com/ebs/latest/userguide/logging-ebs-apis-using-cloudtrail.html
    "ebs": frozenset({"GetSnapshotBlock", "ListChangedBlocks", "ListSnapshotBlocks", "PutSnapshotBlock"}),
    "firehose": frozenset({"PutRecord", "PutRecordBatch"}),
    "bedrock-agent-runtime": frozenset({"InvokeAgent", "Retrieve", "RetrieveAndGenerate"}),
    "stepfunctions": frozenset({"StartSyncExecution"}),
    "cloudtrail-data": frozenset({"PutAuditEvents"}),
    "kinesis-video-media": frozenset({"GetMedia"}),
}

# Actions that need data events to be seen, and that no operation above stands for: prefix -> names. What may be either
# is here: of what a trail need not show, silence proves nothing.
OTHER_ACTIONS: Mapping[str, frozenset[str]] = {
    "bedrock": frozenset({"InvokeModel", "InvokeModelWithResponseStream"}),
    "ebs": frozenset({"CompleteSnapshot"}),
    "execute-api": frozenset({"Invoke", "ManageConnections"}),
    "lambda": frozenset({"InvokeAsync", "InvokeFunctionUrl"}),
    "s3": frozenset({"BypassGovernanceRetention"}),
    "states": frozenset({"InvokeHTTPEndpoint"}),
}
