"""Which service a request is for, signed or not."""

import pytest

from kansatsu import catalog, wire
from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest

FORM = {"content-type": "application/x-www-form-urlencoded"}


def form(body: str) -> HttpRequest:
    return HttpRequest("POST", "/", "", FORM, body.encode())


def target(name: str) -> HttpRequest:
    return HttpRequest("POST", "/", "", {"x-amz-target": name}, b"{}")


@pytest.mark.parametrize(
    ("request_", "signing_name", "expected"),
    [
        (form("Action=GetRole&Version=2010-05-08"), "iam", "iam"),
        (form("Action=GetCallerIdentity&Version=2011-06-15"), "sts", "sts"),
        (form("Action=DescribeInstances&Version=2016-11-15"), "ec2", "ec2"),
        (HttpRequest("GET", "/", "Action=ListUsers&Version=2010-05-08"), "iam", "iam"),
        (form("Action=AssumeRoleWithWebIdentity&Version=2011-06-15"), None, "sts"),
        (HttpRequest("GET", "/b/k"), "s3", "s3"),
        (HttpRequest("GET", "/b/k"), None, "s3"),
        (HttpRequest("GET", "/v20180820/bucket", "", {"x-amz-account-id": "1"}), "s3", "s3control"),
        (HttpRequest("GET", "/v20180820/tags/x"), "s3", "s3control"),
        (target("DynamoDB_20120810.GetItem"), "dynamodb", "dynamodb"),
        (target("DynamoDBStreams_20120810.GetRecords"), "dynamodb", "dynamodbstreams"),
        (target("AmazonSQS.SendMessage"), None, "sqs"),
        (form("Action=SendMessage&Version=2012-11-05"), "sqs", "sqs"),
        (form("Action=PutMetricData&Version=2010-08-01"), "monitoring", "cloudwatch"),
        (
            HttpRequest("POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData"),
            "monitoring",
            "cloudwatch",
        ),
        (form("Action=DescribeLoadBalancers&Version=2012-06-01"), "elasticloadbalancing", "elb"),
        (form("Action=DescribeLoadBalancers&Version=2015-12-01"), "elasticloadbalancing", "elbv2"),
        (form("Action=DescribeDBInstances&Version=2014-10-31"), "rds", "rds"),
        (form("Action=SendEmail&Version=2010-12-01"), "ses", "ses"),
        (HttpRequest("POST", "/v2/email/outbound-emails"), "ses", "sesv2"),
        (HttpRequest("GET", "/restapis"), "apigateway", "apigateway"),
        (HttpRequest("GET", "/v2/apis"), "apigateway", "apigatewayv2"),
        (HttpRequest("GET", "/2015-03-31/functions/"), "lambda", "lambda"),
        (target("Timestream_20181101.WriteRecords"), "timestream", "timestream-write"),
        (target("Timestream_20181101.Query"), "timestream", "timestream-query"),
        (form("Action=GetRole&Version=2010-05-08"), "no-such-service", None),
        # INVARIANT: credentials for one service never reach another through its target
        (target("DynamoDB_20120810.DeleteTable"), "sqs", None),
        (target("No.Such"), None, None),
    ],
)
def test_identify(request_: HttpRequest, signing_name: str | None, expected: str | None) -> None:
    found = catalog.identify(request_, signing_name)
    assert (found.name if found else None) == expected
    if found:
        assert wire.match(found, request_).service.name == expected or expected in ("s3control",)


def test_the_answer_is_in_the_protocol_of_the_request() -> None:
    found = catalog.identify(form("Action=SendMessage&Version=2012-11-05"), "sqs")
    assert found is not None
    answer = wire.encode_error(found, AwsError("no", code="AccessDenied", status=403), "id")
    assert answer.body.startswith(b"<ErrorResponse>")


def test_two_names_for_the_operation_are_refused() -> None:
    with pytest.raises(AwsError):
        catalog.identify(
            HttpRequest("POST", "/", "Action=DeleteTable", {"x-amz-target": "DynamoDB_20120810.GetItem"}), "dynamodb"
        )


def test_every_service_of_botocore_is_found_by_its_signing_name() -> None:
    from kansatsu.catalog.index import index

    listed = {name for names in index().by_signing_name.values() for name in names}
    assert listed == set(index().metadata) and len(listed) > 400
