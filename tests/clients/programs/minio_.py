"""minio-py: upload in parts, range, listing, a presigned URL; then what is forbidden."""

import io
import os
import sys

import urllib3
from minio import Minio

bucket = sys.argv[1]
client = Minio(
    os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"),
    access_key=os.environ["AWS_ACCESS_KEY_ID"],
    secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    session_token=os.environ["AWS_SESSION_TOKEN"],
    region=os.environ["AWS_REGION"],
    secure=False,
)
data = os.urandom(11 << 20)
client.put_object(bucket, "mine/large", io.BytesIO(data), len(data), part_size=5 << 20)
assert client.get_object(bucket, "mine/large", offset=7, length=5).read() == data[7:12]
assert [o.object_name for o in client.list_objects(bucket, prefix="mine/")] == ["mine/large"]
assert urllib3.request("GET", client.presigned_get_object(bucket, "mine/large")).data == data
print("DONE", flush=True)
client.put_object(bucket, "theirs/x", io.BytesIO(b"x"), 1)
