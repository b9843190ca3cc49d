"""rclone's S3 server knows few subresources: what it passes over is not done to the object or bucket itself."""

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from .subresources import taken_for_the_whole
from .world import REGION, World, allow

ONCE = Config(signature_version="s3v4", retries={"max_attempts": 0}, s3={"addressing_style": "path"})


def test_attack_a_part_that_it_does_not_know_is_not_taken_for_the_whole(world: World) -> None:
    assert taken_for_the_whole(world) == {}


def test_attack_who_may_only_tag_or_untag(world: World) -> None:
    """An object whose content looks like its tags does not make the server one that knows them."""
    bucket, admin = world.bucket(), world.server.client("s3")
    looks = b'<?xml version="1.0"?><Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>'
    admin.put_object(Bucket=bucket, Key="looks", Body=looks)
    admin.put_object(Bucket=bucket, Key="k", Body=b"content")
    actions = [f"s3:{verb}ObjectTagging" for verb in ("Get", "Put", "Delete")]
    keys = world.role(allow(actions, f"arn:aws:s3:::{bucket}/*"))
    given = {name.lower(): text for name, text in keys.items() if name.startswith(("AWS_A", "AWS_S"))}
    s3 = boto3.client("s3", endpoint_url=world.server.endpoint, region_name=REGION, config=ONCE, **given)
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    for key in ("looks", "k"):
        with pytest.raises(ClientError, match="NotImplemented"):
            s3.get_object_tagging(Bucket=bucket, Key=key)
        with pytest.raises(ClientError, match="NotImplemented"):
            s3.put_object_tagging(Bucket=bucket, Key=key, Tagging=tags)
        with pytest.raises(ClientError, match="NotImplemented"):
            s3.delete_object_tagging(Bucket=bucket, Key=key)
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.put_object_tagging(Bucket=bucket, Key="none", Tagging=tags)
    kept = {one["Key"]: admin.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in _all(admin, bucket)}
    assert kept == {"looks": looks, "k": b"content"}


def _all(s3: Any, bucket: str) -> list[dict[str, str]]:
    return list(s3.list_objects_v2(Bucket=bucket)["Contents"])
