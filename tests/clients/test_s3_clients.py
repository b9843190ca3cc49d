"""Real S3 clients do their work through the gateway with just the permissions that it needs, and say what is denied."""

import sys
from pathlib import Path

import pytest

from .world import HERE, World, allow

PROGRAMS = HERE / "programs"
# client -> what it does besides putting and getting objects and listing its prefix
CLIENTS: dict[str, tuple[str, ...]] = {
    "commands.sh": (),
    "transfer.py": (),
    "storage.mjs": (),
    "rclone.sh": (),
    "restic.sh": ("s3:DeleteObject",),
    "arrow.py": (),
    "s3fs_.py": (),
    "minio_.py": (),
    "rust.py": (),
    "aio.py": (),
    "curl.sh": (),
}
_OURS = {"transfer.py"}  # with our own boto3


def command(world: World, program: str, *arguments: str) -> list[str]:
    path = str(PROGRAMS / program)
    if program.endswith(".sh"):
        return ["bash", path, *arguments, world.programs.rclone]
    if program.endswith(".mjs"):
        return ["node", path, *arguments]
    return [sys.executable if program in _OURS or program == "dynamo.py" else world.programs.python, path, *arguments]


def more(world: World) -> dict[str, str]:
    return {"MODULES": str(world.programs.modules), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}


@pytest.mark.parametrize("client", CLIENTS)
def test_work_and_a_denial(world: World, tmp_path: Path, client: str) -> None:
    bucket = world.bucket()
    arn = f"arn:aws:s3:::{bucket}"
    lists = allow(["s3:ListBucket"], arn) | {"Condition": {"StringLike": {"s3:prefix": ["mine*"]}}}
    if client == "restic.sh":  # asks for the whole bucket whether it is there
        lists = allow(["s3:ListBucket", "s3:GetBucketLocation"], arn)
    keys = world.role(allow(["s3:GetObject", "s3:PutObject", *CLIENTS[client]], f"{arn}/mine/*"), lists)
    done = world.run(command(world, client, bucket), keys, tmp_path, **more(world))
    assert "DONE" in done.stdout, done.stdout + done.stderr
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "AccessDenied" in said or "Access Denied" in said or "not authorized to perform: s3:PutObject" in said, said
    found = world.server.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert found and all(item["Key"].startswith("mine/") for item in found)


def test_virtual_host_style(world: World, tmp_path: Path) -> None:
    """The bucket is in the host's name."""
    bucket = world.bucket()
    arn = f"arn:aws:s3:::{bucket}"
    keys = world.role(allow(["s3:GetObject", "s3:PutObject", "s3:ListBucket"], arn, f"{arn}/mine/*"))
    endpoint = world.server.endpoint.replace("127.0.0.1", "localhost")
    done = world.run(
        command(world, "storage.mjs", bucket),
        {**keys, "AWS_ENDPOINT_URL": endpoint},
        tmp_path,
        **{**more(world), "STYLE": "virtual"},
    )
    assert "DONE" in done.stdout, done.stderr
    assert "AccessDenied" in done.stderr
