"""boto3 sessions: those that come to one endpoint whatever the environment says, and the default one of each test.

Every session reads the models of its services anew, which takes ten times as long as all else about a client. What a
session reads is the same for all, so those of one kind read through one loader.
"""

import os
from functools import cache
from typing import Any

import boto3
import botocore.config
import botocore.loaders
import botocore.session

from kansatsu.cli.client import MODELS, NO_FILES
from kansatsu.cli.surroundings import Keys


class _Session(boto3.session.Session):
    """A session with an endpoint."""

    endpoint: str

    def client(self, *args: Any, **more: Any) -> Any:
        return super().client(*args, **{"endpoint_url": self.endpoint, **more})

    def resource(self, *args: Any, **more: Any) -> Any:
        return super().resource(*args, **{"endpoint_url": self.endpoint, **more})


def session_of(endpoint: str, region: str, keys: Keys) -> Any:
    """A boto3 session with these keys; it knows the service `kansatsu` too."""
    core = botocore.session.Session(session_vars=NO_FILES)
    core.set_credentials(keys.access_key_id, keys.secret_access_key)
    core.set_default_client_config(
        botocore.config.Config(proxies={}, use_fips_endpoint=False, use_dualstack_endpoint=False)
    )
    made = _Session(botocore_session=_reading(core, str(MODELS)), region_name=region)
    made.endpoint = endpoint
    return made


def renew_default() -> None:
    """Give boto3 a default session that has read nothing of the environment yet."""
    paths = os.environ.get("AWS_DATA_PATH")
    boto3.setup_default_session(botocore_session=_reading(botocore.session.Session(), paths))


def _reading(core: Any, paths: str | None) -> Any:
    loader = _loader(paths)
    del loader.search_paths[len(dict.fromkeys(loader.search_paths)) :]  # each session adds boto3's path once more
    core.register_component("data_loader", loader)
    return core


@cache
def _loader(paths: str | None) -> Any:
    return botocore.loaders.create_loader(paths)
