"""`kansatsu.testing.Kansatsu`: a server for a block, and for nobody who outlives it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from kansatsu.cli import daemon
from kansatsu.testing import Kansatsu, KansatsuError, environment
from kansatsu.testing.server import sweep

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def test_a_server_for_a_block() -> None:
    import boto3

    with Kansatsu(account="210987654321", region="eu-west-1") as kansatsu:
        directory = kansatsu.data_dir
        os.utime(directory.parent, (0, 0))
        sweep(directory.parent.parent)
        assert directory.exists(), "a server holds it"
        assert kansatsu.client("sts").get_caller_identity()["Arn"] == "arn:aws:iam::210987654321:user/admin"
        with kansatsu.role(POLICY) as role:
            s3 = boto3.client("s3")
            assert s3.meta.region_name == "eu-west-1"
            s3.create_bucket(Bucket="b-1", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
            with pytest.raises(ClientError, match="AccessDenied"):
                boto3.client("iam").list_users()
            again = role.role_name
        with kansatsu.role(POLICY) as role:
            assert role.role_name == again
            another = boto3.client("s3")
            assert another.meta.service_model.shape_names is not s3.meta.service_model.shape_names
            assert another._get_credentials().access_key != s3._get_credentials().access_key
            assert boto3.DEFAULT_SESSION is not None and len(boto3.DEFAULT_SESSION._loader.search_paths) < 5
        with pytest.raises(ClientError, match=r"InvalidAccessKeyId|InvalidToken"):
            s3.list_buckets()
    assert daemon.running(directory) is None and not directory.exists()


def test_what_cannot_be_started_or_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KansatsuError, match=r"^There is no setting modus; "), Kansatsu(settings={"modus": "observe"}):
        pass
    with Kansatsu() as kansatsu, pytest.raises(KansatsuError) as told, kansatsu.role("p.json"):
        pass
    assert str(told.value) == f"There is no policy file p.json in {tmp_path}."


def test_a_server_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """However that ends: the suite was killed."""
    code = (
        "import sys, time\nfrom kansatsu.testing import Kansatsu\nserver = Kansatsu()\nserver.start()\n"
        "print(server.data_dir, flush=True)\ntime.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        directory = Path(process.stdout.readline().strip())
        assert daemon.running(directory) is not None
        process.send_signal(signal.SIGKILL)
    limit = time.monotonic() + 180
    while daemon.running(directory) is not None:
        assert time.monotonic() < limit
        time.sleep(0.05)
    # What it left is removed by a later run, but not what another one may be about to use.
    parent = directory.parent
    sweep(parent.parent)
    assert parent.exists()
    os.utime(parent, (0, 0))
    sweep(parent.parent)
    assert not parent.exists()


def test_what_cannot_be_started_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(KansatsuError, match=r"is not an account id|12 digits"):
        Kansatsu(account="none").start()
    with pytest.raises(KansatsuError, match="does not run"):
        Kansatsu(data_dir=tmp_path / "nothing").start()


def test_an_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "1")
    monkeypatch.setenv("CHANGED", "1")
    monkeypatch.delenv("NEW", raising=False)
    with environment({"CHANGED": "2", "NEW": "2"}):
        assert dict(os.environ) == {"CHANGED": "2", "NEW": "2"}
        os.environ["SET_INSIDE"] = "3"
    assert (os.environ["KEPT"], os.environ["CHANGED"], os.environ.get("NEW")) == ("1", "1", None)
    assert os.environ.pop("SET_INSIDE") == "3"
