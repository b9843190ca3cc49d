"""boto3 sessions that come to one endpoint, whatever the environment and the user's AWS files say."""

from typing import Any

import boto3
import botocore.config
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
    core.get_component("data_loader").search_paths.append(str(MODELS))
    core.set_default_client_config(
        botocore.config.Config(proxies={}, use_fips_endpoint=False, use_dualstack_endpoint=False)
    )
    made = _Session(botocore_session=core, region_name=region)
    made.endpoint = endpoint
    return made
