"""boto3's transfer manager: upload in parts, ranged download, listing; then what is forbidden."""

import os
import sys
from pathlib import Path

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

bucket = sys.argv[1]
# The server of the tests says the checksum of the whole object for a part of it.
config = Config(response_checksum_validation="when_required", retries={"total_max_attempts": 1})
s3 = boto3.client("s3", config=config)
data = os.urandom(11 << 20)
Path("source").write_bytes(data)
parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
s3.upload_file("source", bucket, "mine/large", Config=parts)
s3.download_file(bucket, "mine/large", "target", Config=parts)
assert Path("target").read_bytes() == data
assert s3.get_object(Bucket=bucket, Key="mine/large", Range="bytes=5-9")["Body"].read() == data[5:10]
assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket, Prefix="mine/")["Contents"]] == ["mine/large"]
print("DONE", flush=True)
s3.put_object(Bucket=bucket, Key="theirs/x", Body=b"x")
