"""Doors beside the one that a policy closes: what the backend would do for a caller who may not do it himself."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import ACCOUNT, SECOND, Gateway
from .raw import REGION, statement
from .test_accounts import code_of

TABLE = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture(name="secret")
def a_secret(gateway: Gateway) -> str:
    return str(gateway.client("secretsmanager").create_secret(Name=gateway.name("s"), SecretString="TOP")["Name"])


def test_a_batch_of_secrets_needs_the_right_to_each(gateway: Gateway, secret: str) -> None:
    batch = statement("Allow", ["secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"])
    client = gateway.client("secretsmanager", gateway.user(batch))
    assert code_of(lambda: client.batch_get_secret_value(SecretIdList=[secret])) == "AccessDeniedException"
    by_filter = [{"Key": "name", "Values": [secret]}]
    assert code_of(lambda: client.batch_get_secret_value(Filters=by_filter)) == "AccessDeniedException"


def test_secrets_that_filters_find_need_the_right_to_each(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html"""
    admin, prefix = gateway.client("secretsmanager"), gateway.name("found")
    one, other = (admin.create_secret(Name=f"{prefix}/{name}", SecretString=name)["ARN"] for name in ("one", "another"))
    found = {"Filters": [{"Key": "name", "Values": [prefix]}]}
    batch = statement("Allow", ["secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"])
    for each, code in (([one], "AccessDeniedException"), ([], "AccessDeniedException"), ([one, other], "")):
        reading = [statement("Allow", "secretsmanager:GetSecretValue", arn) for arn in each]
        client = gateway.client("secretsmanager", gateway.user(batch, *reading))
        if code:
            assert code_of(client.batch_get_secret_value, **found) == code
        else:
            values = client.batch_get_secret_value(**found)["SecretValues"]
            assert {value["SecretString"] for value in values} == {"one", "another"}
    reading = [statement("Allow", ["secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue"])]
    client = gateway.client("secretsmanager", gateway.user(*reading))
    assert code_of(client.batch_get_secret_value, **found) == "AccessDeniedException"  # without ListSecrets
    condition = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
    tagged = statement("Allow", "secretsmanager:GetSecretValue", condition=condition)
    client = gateway.client("secretsmanager", gateway.user(batch, tagged))
    assert code_of(client.batch_get_secret_value, **found) == "AccessDeniedException"
    for arn in (one, other):
        admin.tag_resource(SecretId=arn, Tags=[{"Key": "team", "Value": "blue"}])
    assert len(client.batch_get_secret_value(**found)["SecretValues"]) == 2


def test_a_batch_of_secrets_asks_the_policy_of_each(gateway: Gateway, secret: str) -> None:
    """Hidden behind one that does not exist, or found by a filter, a secret keeps its policy."""
    admin = gateway.client("secretsmanager")
    denies = {**statement("Deny", "secretsmanager:GetSecretValue"), "Principal": "*"}
    assert admin.batch_get_secret_value(SecretIdList=[secret])["SecretValues"][0]["SecretString"] == "TOP"
    admin.put_resource_policy(SecretId=secret, ResourcePolicy=raw.document(denies))
    by_filter = [{"Key": "name", "Values": [secret]}]
    client = gateway.client("secretsmanager", gateway.user(statement("Allow", "*")))
    for chosen, code in (
        ({"SecretIdList": [secret]}, "AccessDeniedException"),
        ({"SecretIdList": ["none-such", secret]}, "AccessDeniedException"),
        ({"SecretIdList": ["none such?", secret]}, "NotImplemented"),
        ({"SecretIdList": ["none-such"] * 20 + [secret]}, "NotImplemented"),
        ({"Filters": by_filter}, "AccessDeniedException"),
        ({"Filters": by_filter, "SecretIdList": ["none-such"]}, "NotImplemented"),
    ):
        assert code_of(client.batch_get_secret_value, **chosen) == code


def test_no_replica_of_a_secret_is_without_its_policy(gateway: Gateway, secret: str) -> None:
    client = gateway.client("secretsmanager", gateway.user(statement("Allow", "secretsmanager:*")))
    regions = [{"Region": "eu-west-1"}]
    given = {"SecretId": secret, "AddReplicaRegions": regions}
    assert code_of(client.replicate_secret_to_regions, **given) == "NotImplemented"


def test_parameter_store_reads_no_secret(gateway: Gateway, secret: str) -> None:
    ssm = gateway.client("ssm", gateway.user(statement("Allow", "ssm:*")))
    name = f"/aws/reference/secretsmanager/{secret}"
    for call in (
        lambda: ssm.get_parameter(Name=name, WithDecryption=True),
        lambda: ssm.get_parameter(Name=f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}", WithDecryption=True),
        lambda: ssm.get_parameters(Names=[name], WithDecryption=True),
        lambda: ssm.get_parameter_history(Name=name, WithDecryption=True),
    ):
        assert code_of(call) == "NotImplemented"


def test_no_template_is_read_out_of_a_bucket(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    body = json.dumps({"Parameters": {"P": {"Type": "String", "Default": "SECRET"}}, "Resources": {}})
    gateway.client("s3").put_object(Bucket=bucket, Key="t.json", Body=body.encode())
    url = f"https://s3.amazonaws.com/{bucket}/t.json"
    for keys in (gateway.user(statement("Allow", "cloudformation:*")), gateway.stranger):
        client = gateway.client("cloudformation", keys)
        assert code_of(client.get_template_summary, TemplateURL=url) == "NotImplemented"


def test_a_table_is_exported_and_imported_with_the_callers_rights_on_the_bucket(gateway: Gateway) -> None:
    bucket, name = gateway.bucket(), gateway.name("t")
    admin = gateway.client("dynamodb")
    table = admin.create_table(TableName=name, **TABLE)["TableDescription"]["TableArn"]
    admin.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    write = ["s3:PutObject", "s3:PutObjectAcl", "s3:AbortMultipartUpload"]
    for keys, allowed in (
        (gateway.user(statement("Allow", "dynamodb:*")), False),
        (gateway.user(statement("Allow", "dynamodb:*"), statement("Allow", write, f"arn:aws:s3:::{bucket}/in*")), True),
    ):
        client = gateway.client("dynamodb", keys)
        export = {"TableArn": table, "S3Bucket": bucket, "S3Prefix": "in/here"}
        if allowed:
            client.export_table_to_point_in_time(**export)
        else:
            assert code_of(client.export_table_to_point_in_time, **export) == "AccessDeniedException"
        source = {
            "S3BucketSource": {"S3Bucket": bucket, "S3KeyPrefix": "in"},
            "TableCreationParameters": {"TableName": gateway.name("t"), **TABLE},
        }
        assert code_of(client.import_table, InputFormat="CSV", **source) == "AccessDeniedException"


def logs(gateway: Gateway, bucket: str) -> None:
    client = gateway.client("logs", gateway.stranger)
    name = gateway.name("g")
    client.create_log_group(logGroupName=name)
    client.create_export_task(logGroupName=name, fromTime=0, to=1, destination=bucket)


def stream(bucket: str) -> Callable[[Gateway, str], None]:
    def make(gateway: Gateway, name: str) -> None:
        given = {"RoleARN": f"arn:aws:iam::{SECOND}:role/x", "BucketARN": bucket.format(name)}
        client = gateway.client("firehose", gateway.stranger)
        client.create_delivery_stream(DeliveryStreamName=gateway.name("f"), S3DestinationConfiguration=given)

    return make


@pytest.mark.parametrize("attack", [logs, *map(stream, ("arn:aws:s3::{}", f"arn:aws:s3:{REGION}:{ACCOUNT}:{{}}"))])
def test_nothing_writes_to_a_bucket_of_another_account(gateway: Gateway, attack: Callable[[Gateway, str], Any]) -> None:
    bucket = gateway.bucket()
    with pytest.raises(ClientError) as refused:
        attack(gateway, bucket)
    assert f"the bucket {bucket}" in refused.value.response["Error"]["Message"]
    assert "Contents" not in gateway.client("s3").list_objects_v2(Bucket=bucket)


def test_events_are_sent_to_no_address(gateway: Gateway) -> None:
    events = gateway.client("events")
    basic = {"BasicAuthParameters": {"Username": "u", "Password": "p"}}
    made = events.create_connection(Name=gateway.name("c"), AuthorizationType="BASIC", AuthParameters=basic)
    destination = {"ConnectionArn": made["ConnectionArn"], "InvocationEndpoint": gateway.endpoint, "HttpMethod": "POST"}
    assert code_of(lambda: events.create_api_destination(Name="d", **destination)) == "NotImplemented"


def test_a_stream_sends_to_no_address(gateway: Gateway) -> None:
    address = {
        "EndpointConfiguration": {"Url": gateway.endpoint},
        "S3Configuration": {"RoleARN": "r" * 20, "BucketARN": "b"},
    }
    firehose = gateway.client("firehose")
    call = {"DeliveryStreamName": gateway.name("f"), "HttpEndpointDestinationConfiguration": address}
    assert code_of(lambda: firehose.create_delivery_stream(**call)) == "NotImplemented"


def test_the_tags_of_an_object_with_a_star_for_a_name_are_read(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    gateway.client("s3").put_object(Bucket=bucket, Key="x/*", Body=b"SECRET", Tagging="secret=yes")
    tagged = {"Condition": {"StringEquals": {"s3:ExistingObjectTag/secret": "yes"}}}
    keys = gateway.user(statement("Allow", "s3:*"), statement("Deny", "s3:GetObject") | tagged)
    assert code_of(lambda: gateway.client("s3", keys).get_object(Bucket=bucket, Key="x/*")) == "AccessDenied"


def test_no_policy_of_an_api_is_stored_by_another_door(gateway: Gateway) -> None:
    client = gateway.client("apigateway")
    api = client.create_rest_api(name="a")["id"]
    change = [{"op": "replace", "path": "/policy", "value": "{}"}]
    assert code_of(lambda: client.update_rest_api(restApiId=api, patchOperations=change)) == "NotImplemented"
    body = json.dumps({"openapi": "3.0.0", "x-amazon-apigateway-policy": {}}).encode()
    for written in (body, body.replace(b"x-", b"\\u0078-")):
        assert code_of(lambda body=written: client.import_rest_api(body=body)) == "NotImplemented"
    client.update_rest_api(restApiId=api, patchOperations=[{"op": "replace", "path": "/name", "value": "b"}])
