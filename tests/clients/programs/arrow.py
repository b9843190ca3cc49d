"""pyarrow's own S3 client (the C++ SDK): a Parquet file up, one column of it down; then what is forbidden."""

import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

bucket = sys.argv[1]
host = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")
s3 = fs.S3FileSystem(
    access_key=os.environ["AWS_ACCESS_KEY_ID"],
    secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    session_token=os.environ["AWS_SESSION_TOKEN"],
    region=os.environ["AWS_REGION"],
    scheme="http",
    endpoint_override=host,
)
table = pa.table({"a": list(range(100_000)), "b": [str(n) for n in range(100_000)]})
pq.write_table(table, f"{bucket}/mine/table.parquet", filesystem=s3)
assert pq.read_table(f"{bucket}/mine/table.parquet", filesystem=s3, columns=["a"])["a"][99_999].as_py() == 99_999
assert [f.base_name for f in s3.get_file_info(fs.FileSelector(f"{bucket}/mine"))] == ["table.parquet"]
print("DONE", flush=True)
with s3.open_output_stream(f"{bucket}/theirs/x") as out:
    out.write(b"x")
