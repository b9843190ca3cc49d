"""s3fs: write in blocks, read a range, list; then what is forbidden."""

import os
import sys

import s3fs

bucket = sys.argv[1]
fs = s3fs.S3FileSystem(
    endpoint_url=os.environ["AWS_ENDPOINT_URL"], config_kwargs={"response_checksum_validation": "when_required"}
)
data = os.urandom(11 << 20)
with fs.open(f"{bucket}/mine/large", "wb", block_size=5 << 20) as file:
    file.write(data)
with fs.open(f"{bucket}/mine/large", "rb") as file:
    file.seek(1000)
    assert file.read(10) == data[1000:1010]
assert fs.ls(f"{bucket}/mine") == [f"{bucket}/mine/large"]
print("DONE", flush=True)
fs.pipe_file(f"{bucket}/theirs/x", b"x")
