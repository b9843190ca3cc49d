"""obstore (Rust's object_store): upload in parts, download, listing, a signed URL; then what is forbidden."""

import os
import sys
import urllib.request
from datetime import timedelta

import obstore
from obstore.store import S3Store

store = S3Store(
    sys.argv[1],
    endpoint=os.environ["AWS_ENDPOINT_URL"],
    client_options={"allow_http": True},
    retry_config={"max_retries": 0},
)
data = os.urandom(11 << 20)
obstore.put(store, "mine/large", data, use_multipart=True, chunk_size=5 << 20)
assert bytes(obstore.get(store, "mine/large").bytes()) == data
assert [o["path"] for o in obstore.list(store, prefix="mine").collect()] == ["mine/large"]
url = obstore.sign(store, "GET", "mine/large", expires_in=timedelta(minutes=1))
assert urllib.request.urlopen(url).read() == data
print("DONE", flush=True)
obstore.put(store, "theirs/x", b"x")
