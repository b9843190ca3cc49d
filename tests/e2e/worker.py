"""A long-running application as customers write it: one boto3 client, no keys, no knowledge of Kansatsu.

Runs inside the container; one JSON line per round on stdout: what each call said, and under which access key.
"""

import json
import select

import boto3

session = boto3.session.Session()
s3 = session.client("s3")


def attempt(call, **parameters):
    try:
        call(**parameters)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "ok"


while True:
    credentials = session.get_credentials()
    line = {
        # Before the calls: credentials that are renewed in between must not be blamed for what the old ones got.
        "key": credentials.get_frozen_credentials().access_key if credentials else "",
        "list": attempt(s3.list_buckets),
        "put": attempt(s3.put_object, Bucket="story", Key="from-the-worker", Body=b"Hello"),
    }
    print(json.dumps(line), flush=True)
    select.select([], [], [], 0.2)  # time.sleep() does not work under libfaketime 0.9.10
