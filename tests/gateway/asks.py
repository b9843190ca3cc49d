"""One harmless request in each protocol, for tests that bend it."""

from .raw import Ask

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
IAM = Ask("POST", headers=FORM, body=b"Action=ListUsers&Version=2010-05-08")
DYNAMODB = Ask(
    "POST",
    headers={"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.ListTables"},
    body=b"{}",
)
LAMBDA = Ask("GET", "/2015-03-31/functions")
EC2 = Ask("POST", headers=FORM, body=b"Action=DescribeVpcs&Version=2016-11-15")
S3 = Ask("GET", "/")
# dialect -> (request, signing name)
SPOKEN = {
    "query": (IAM, "iam"),
    "json": (DYNAMODB, "dynamodb"),
    "rest-json": (LAMBDA, "lambda"),
    "ec2": (EC2, "ec2"),
    "s3": (S3, "s3"),
}
