"""The attack: who may do something to a part of an object or bucket asks a server that does not know that part."""

from typing import Any

from botocore.exceptions import ClientError

from gateway import raw
from gateway.operations import CONTENT, KEY, OTHERS, least
from gateway.raw import Keys

from .world import World


def taken_for_the_whole(world: World) -> dict[str, list[str]]:
    """Which operations read, list, overwrite, delete or make an object or bucket as if they were of it."""
    return {name: found for name in (*OTHERS, "ListObjectVersions") if (found := _tried(world, name))}


def _tried(world: World, name: str) -> list[str]:
    s3, server = world.server.client("s3"), world.server
    host, _, port = world.host.partition(":")
    keys = Keys(server.access_key_id, server.secret_access_key)

    def ask(bucket: str) -> bytes:
        return raw.send((host, int(port)), raw.sign(least(name, bucket), keys, "s3", host=world.host)).body

    bucket, other, found = world.bucket(), world.name("none"), []
    s3.put_object(Bucket=bucket, Key=KEY, Body=CONTENT)
    body = ask(bucket)
    if CONTENT in body or b"<ListBucketResult" in body:
        found.append("read")
    if _content(s3, bucket) != CONTENT:
        found.append("overwritten or deleted")
    s3.delete_object(Bucket=bucket, Key=KEY)
    ask(bucket)
    try:
        if s3.list_objects_v2(Bucket=bucket).get("Contents"):
            found.append("made")
    except ClientError:
        found.append("the bucket is deleted")
    ask(other)
    if other in [one["Name"] for one in s3.list_buckets()["Buckets"]]:
        found.append("a bucket is made")
    return found


def _content(s3: Any, bucket: str) -> bytes:
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=KEY)["Body"].read())
    except ClientError:
        return b""
