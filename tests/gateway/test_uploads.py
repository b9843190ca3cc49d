"""A multipart upload is of one key: who may write another adds no part to it, completes it not and ends it not."""

import pytest

from .conftest import Gateway
from .raw import statement
from .test_resource_policies import refused


@pytest.mark.parametrize("key", ["mine/k", "theirs/k2", "theirs/", "mine/none"])
def test_an_upload_is_of_one_key(gateway: Gateway, key: str) -> None:
    """The attack: who knows the id of an upload goes on with it by the name of an object that he may write."""
    s3, bucket = gateway.client("s3"), gateway.bucket()
    upload = {"Bucket": bucket, "Key": "theirs/k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    tag = s3.upload_part(**upload, PartNumber=1, Body=b"theirs")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    s3.put_object(Bucket=bucket, Key="mine/source", Body=b"mine")
    s3.create_multipart_upload(Bucket=bucket, Key="mine/k")
    thief = gateway.client(
        "s3", gateway.user(statement("Allow", "s3:*", f"arn:aws:s3:::{bucket}/{key.partition('/')[0]}/*"))
    )
    admin, named = s3, upload | {"Key": key}
    for client in (thief if key.startswith("mine") else admin, admin):
        for call in (
            lambda c=client: c.upload_part(**named, PartNumber=1, Body=b"mine"),
            lambda c=client: c.upload_part_copy(**named, PartNumber=1, CopySource=f"{bucket}/mine/source"),
            lambda c=client: c.list_parts(**named),
            lambda c=client: c.complete_multipart_upload(**named, MultipartUpload=parts),
            lambda c=client: c.abort_multipart_upload(**named),
        ):
            refused(call, "NoSuchUpload")
    s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    assert s3.get_object(Bucket=bucket, Key="theirs/k")["Body"].read() == b"theirs"


def test_many_uploads_of_one_key(gateway: Gateway) -> None:
    s3, bucket = gateway.client("s3"), gateway.bucket()
    for _ in range(3):
        made = s3.create_multipart_upload(Bucket=bucket, Key="a key/with+ ü&%")
        assert s3.list_parts(Bucket=bucket, Key=made["Key"], UploadId=made["UploadId"]).get("Parts", []) == []
    s3.abort_multipart_upload(Bucket=bucket, Key=made["Key"], UploadId=made["UploadId"])
    refused(lambda: s3.list_parts(Bucket=bucket, Key=made["Key"], UploadId=made["UploadId"]), "NoSuchUpload")
