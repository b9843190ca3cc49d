"""Fixtures that every test may use: no test sees this machine's AWS configuration, and one real server is at hand."""

import os
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `root` share namespaces, containers and the engine: xdist runs them on one worker."""
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.xdist_group("root"))


@pytest.fixture(autouse=True)
def isolated_aws(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No credentials, profiles or endpoints of the machine, and never a question to a real metadata service."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "KANSATSU_", "BOTO_"))]:
        monkeypatch.delenv(name)
    nowhere = tmp_path_factory.getbasetemp() / "no-aws-configuration"
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
    monkeypatch.setenv("BOTO_CONFIG", str(nowhere))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory of the test's own; it does not exist yet."""
    return tmp_path / "data"
