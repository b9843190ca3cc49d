"""OpenStack Swift behind the gateway: an S3-compatible server that others run in earnest, and what it lacks."""

import io
import json
import os
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from click.testing import CliRunner

from kansatsu.cli.root import cli

from .subresources import taken_for_the_whole
from .world import HERE, REGION, Programs, World, allow, free_port, process

KEY, SECRET = "kansatsu:gateway", "the-backends-own-secret"
MIB = 1 << 20
PATH_STYLE = Config(signature_version="s3v4", retries={"max_attempts": 0}, s3={"addressing_style": "path"})


@dataclass(frozen=True)
class Swift:
    world: World
    process: "subprocess.Popen[bytes]"

    def client(self, keys: dict[str, str] | None = None) -> Any:
        """A client that tries once: of the administrator, or of a role's session."""
        server = self.world.server
        given = keys or {"AWS_ACCESS_KEY_ID": server.access_key_id, "AWS_SECRET_ACCESS_KEY": server.secret_access_key}
        credentials = {name.lower(): text for name, text in given.items() if name.startswith(("AWS_A", "AWS_S"))}
        return boto3.client("s3", endpoint_url=server.endpoint, region_name=REGION, config=PATH_STYLE, **credentials)

    def condition(self) -> str:
        """What `kansatsu status` says of it."""
        said = CliRunner().invoke(cli, ["status", "-o", "json", "--data-dir", str(self.world.server.data_dir)])
        (row,) = json.loads(said.stdout)
        return next(part for part in str(row["backend"]).split(", ") if part.startswith("s3="))


@pytest.fixture(scope="module")
def swift(programs: Programs, start_server: Callable[..., Any]) -> Iterator[Swift]:
    """Swift, and a gateway that gives it two seconds to answer."""
    with ExitStack() as stack:
        place, port = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kansatsu-"))), free_port()
        program = [programs.python, str(HERE / "programs" / "swift_server.py"), str(place / "swift"), str(port)]
        backend = stack.enter_context(process([*program, KEY, SECRET], port, place / "swift.log"))
        clean = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "KANSATSU_"))}
        environ = {**clean, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "AWS_EC2_METADATA_DISABLED": "true"}
        environ |= {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        flags = ["--engine", "none", "--backend", f"s3=http://127.0.0.1:{port}", "--backend-answer-timeout", "2s"]
        yield Swift(
            World(stack.enter_context(start_server(place / "data", *flags, environ=environ)), programs), backend
        )


def denied(call: Callable[..., Any], **parameters: Any) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied.*no identity-based policy allows"):
        call(**parameters)


def test_a_role_does_its_work_and_nothing_else(swift: Swift) -> None:
    bucket = swift.world.bucket()
    arn = f"arn:aws:s3:::{bucket}"
    lists = allow(["s3:ListBucket"], arn) | {"Condition": {"StringLike": {"s3:prefix": "mine/*"}}}
    s3 = swift.client(
        swift.world.role(allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], f"{arn}/mine/*"), lists)
    )
    s3.put_object(Bucket=bucket, Key="mine/one", Body=b"hello", ContentType="text/plain", Metadata={"a": "b"})
    got = s3.get_object(Bucket=bucket, Key="mine/one")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"hello", "text/plain", {"a": "b"})
    large = os.urandom(6 * MIB)
    parts = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(large), bucket, "mine/large", Config=parts)
    window = s3.get_object(Bucket=bucket, Key="mine/large", Range=f"bytes={5 * MIB - 3}-{5 * MIB + 2}")
    assert window["Body"].read() == large[5 * MIB - 3 : 5 * MIB + 3]
    s3.copy_object(Bucket=bucket, Key="mine/two", CopySource=f"{bucket}/mine/one")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="mine/", PaginationConfig={"PageSize": 2}
    )
    assert [item["Key"] for page in pages for item in page["Contents"]] == ["mine/large", "mine/one", "mine/two"]
    with urllib.request.urlopen(s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "mine/one"})) as got:
        assert got.read() == b"hello"
    put = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "mine/three"})
    urllib.request.urlopen(urllib.request.Request(put, b"by url", method="PUT")).close()
    assert s3.head_object(Bucket=bucket, Key="mine/three")["ContentLength"] == 6
    keys = [{"Key": "mine/two"}, {"Key": "mine/three"}]
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [*keys, {"Key": "theirs"}]})
    assert len(gone["Deleted"]) == 2
    assert [(error["Key"], error["Code"]) for error in gone["Errors"]] == [("theirs", "AccessDenied")]
    denied(s3.put_object, Bucket=bucket, Key="theirs", Body=b"x")
    denied(s3.get_object, Bucket=bucket, Key="theirs")
    denied(s3.list_objects_v2, Bucket=bucket)
    denied(s3.create_multipart_upload, Bucket=bucket, Key="theirs")
    denied(s3.copy_object, Bucket=bucket, Key="mine/four", CopySource=f"{bucket}/theirs")
    denied(s3.delete_bucket, Bucket=bucket)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "theirs"}))
    found = swift.client().list_objects_v2(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in found] == ["mine/large", "mine/one"]


def test_what_swift_does_not_have_is_refused_and_not_half_done(swift: Swift) -> None:
    """Policies of buckets, Block Public Access, tags: none is said to be there, and nobody gets in by one."""
    bucket, s3 = swift.world.bucket(), swift.client()
    anybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    with pytest.raises(ClientError, match=r"NotImplemented.*The backend has no policies for this resource"):
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [anybody]}))
    with pytest.raises(ClientError, match="NotImplemented"):
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicPolicy": True})
    with pytest.raises(ClientError, match="NotImplemented"):
        s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{swift.world.server.endpoint}/{bucket}/k")
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="other")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.list_objects_v2(Bucket=bucket + "-other")


def test_attack_a_part_that_swift_does_not_know_is_not_taken_for_the_whole(swift: Swift) -> None:
    """Who might delete the rules of a bucket deleted the bucket; who might hold an object overwrote it."""
    assert taken_for_the_whole(swift.world) == {}


def test_one_that_hangs_or_is_gone(swift: Swift) -> None:
    """It is said which of the two, to the client and in the status, and never whose keys are between us and it."""
    bucket, s3 = swift.world.bucket(), swift.client()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert swift.condition() == "s3=ready"
    swift.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(ClientError, match=r"ServiceUnavailable.*did not answer") as hung:
            s3.put_object(Bucket=bucket, Key="k", Body=b"y")
    finally:
        swift.process.send_signal(signal.SIGCONT)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    swift.process.terminate()
    swift.process.wait(30)
    with pytest.raises(ClientError, match=r"ServiceUnavailable.*cannot be reached") as gone:
        s3.get_object(Bucket=bucket, Key="k")
    assert swift.condition().startswith("s3=unreachable since ")
    log = (swift.world.server.data_dir / "kansatsu.log").read_text()
    for said in (str(hung.value), str(gone.value), swift.condition(), log):
        assert SECRET not in said and swift.world.server.secret_access_key not in said
