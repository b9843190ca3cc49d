"""`kansatsu run` scrubs first: a table of poisoned environments and files, each tried with the real botocore.

Each poison is first shown to work (it gives botocore an identity, or another endpoint), then to be powerless.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kansatsu.cli import run, surroundings

EVIL = "AKIAEVILEVILEVILEVIL"
KEYS = {"AWS_ACCESS_KEY_ID": EVIL, "AWS_SECRET_ACCESS_KEY": "evil"}
SECTION = f"aws_access_key_id = {EVIL}\naws_secret_access_key = evil\n"
PROCESS = json.dumps({"Version": 1, "AccessKeyId": EVIL, "SecretAccessKey": "evil"})

# What botocore says of itself: the key it would sign with, and where a request to S3 would go.
PROBE = """
import json, botocore.config, botocore.session
session = botocore.session.get_session()
credentials = session.get_credentials()
client = session.create_client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
print(json.dumps({"key": credentials.access_key if credentials else None, "endpoint": client.meta.endpoint_url}))
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _java_credential_file(home: Path) -> dict[str, str]:
    return {"AWS_CREDENTIAL_FILE": str(write(home / "f", f"AWSAccessKeyId={EVIL}\nAWSSecretKey=evil\n"))}


def _boto_config(home: Path) -> dict[str, str]:
    return {"BOTO_CONFIG": str(write(home / "b", f"[Credentials]\n{SECTION}"))}


def _home(relative: str, text: str, **variables: str) -> Callable[[Path], dict[str, str]]:
    def poison(home: Path) -> dict[str, str]:
        write(home / relative, text)
        return variables

    return poison


def _named(variable: str, text: str, **variables: str) -> Callable[[Path], dict[str, str]]:
    return lambda home: {variable: str(write(home / "named", text)), **variables}


IDENTITIES: dict[str, Callable[[Path], dict[str, str]]] = {
    "static keys": lambda home: KEYS,
    "keys with a session token": lambda home: KEYS | {"AWS_SESSION_TOKEN": "evil"},
    "default profile in ~/.aws/credentials": _home(".aws/credentials", f"[default]\n{SECTION}"),
    "default profile in ~/.aws/config": _home(".aws/config", f"[default]\n{SECTION}"),
    "AWS_PROFILE": _home(".aws/credentials", f"[evil]\n{SECTION}", AWS_PROFILE="evil"),
    "AWS_DEFAULT_PROFILE": _home(".aws/credentials", f"[evil]\n{SECTION}", AWS_DEFAULT_PROFILE="evil"),
    "credential_process in ~/.aws/config": _home(".aws/config", f"[default]\ncredential_process = echo '{PROCESS}'\n"),
    "AWS_SHARED_CREDENTIALS_FILE": _named("AWS_SHARED_CREDENTIALS_FILE", f"[default]\n{SECTION}"),
    "AWS_CONFIG_FILE": _named("AWS_CONFIG_FILE", f"[default]\n{SECTION}"),
    "AWS_CREDENTIAL_FILE of old tools": _java_credential_file,
    "BOTO_CONFIG": _boto_config,
    "~/.boto": _home(".boto", f"[Credentials]\n{SECTION}"),
}
ENDPOINTS: dict[str, Callable[[Path], dict[str, str]]] = {
    "AWS_ENDPOINT_URL": lambda home: {"AWS_ENDPOINT_URL": "http://evil:1"},
    "AWS_ENDPOINT_URL_S3": lambda home: {"AWS_ENDPOINT_URL_S3": "http://evil:1"},
    "endpoint_url in ~/.aws/config": _home(".aws/config", "[default]\nendpoint_url = http://evil:1\n"),
    "services in ~/.aws/config": _home(
        ".aws/config", "[default]\nservices = x\n[services x]\ns3 =\n  endpoint_url = http://evil:1\n"
    ),
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": lambda home: {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
}


def probe(environ: dict[str, str]) -> dict[str, str | None]:
    done = subprocess.run([sys.executable, "-c", PROBE], env=environ, capture_output=True, text=True, check=True)
    answer: dict[str, str | None] = json.loads(done.stdout)
    return answer


def poisoned(home: Path, poison: Callable[[Path], dict[str, str]]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"} | poison(home)


def cleaned(environ: dict[str, str], private: Path) -> dict[str, str]:
    """What `kansatsu run` gives the child before any credentials: here with the metadata service kept off."""
    child = run.child_environ(environ, private, "http://127.0.0.1:4566", "us-east-1")
    assert "AWS_EC2_METADATA_DISABLED" not in child
    return child | {"AWS_EC2_METADATA_DISABLED": "true"}


@pytest.mark.parametrize("name", IDENTITIES)
def test_attack_no_poisoned_identity_survives(name: str, tmp_path: Path) -> None:
    environ = poisoned(tmp_path / "home", IDENTITIES[name])
    assert probe(environ)["key"] == EVIL, "the poison does not work, so this case would prove nothing"
    private = tmp_path / "private"
    private.mkdir()
    assert probe(cleaned(environ, private))["key"] is None


@pytest.mark.parametrize("name", ENDPOINTS)
def test_attack_no_poisoned_endpoint_survives(name: str, tmp_path: Path) -> None:
    environ = poisoned(tmp_path / "home", ENDPOINTS[name])
    private = tmp_path / "private"
    private.mkdir()
    poisonous = environ if "IGNORE" not in name else environ | {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}
    assert probe(poisonous)["endpoint"] != "http://127.0.0.1:4566"
    assert probe(cleaned(environ, private))["endpoint"] == "http://127.0.0.1:4566"


# Variables of SDKs that are not run here; each SDK's reference names them.
OTHERS = [
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_CREDENTIAL_PROFILES_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_SDK_LOAD_CONFIG",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_WHAT_IS_INVENTED_TOMORROW",
    "AMAZON_ACCESS_KEY_ID",
    "AMAZON_SECRET_ACCESS_KEY",
    "AWSACCESSKEYID",
    "AWSSECRETACCESSKEY",
    "EC2_ACCESS_KEY",
    "EC2_SECRET_KEY",
    "BOTO_PATH",
    "aws_access_key_id",
]


@pytest.mark.parametrize("name", OTHERS)
def test_attack_variables_of_other_sdks_are_dropped(name: str) -> None:
    assert surroundings.scrubbed({name: "evil", "PATH": "/bin"}) == {"PATH": "/bin"}


def test_java_options_are_dropped_only_when_they_carry_an_identity() -> None:
    assert surroundings.scrubbed({"JAVA_TOOL_OPTIONS": "-Xmx1g -Daws.accessKeyId=x"}) == {}
    assert surroundings.scrubbed({"JAVA_TOOL_OPTIONS": "-Xmx1g"}) == {"JAVA_TOOL_OPTIONS": "-Xmx1g"}


def test_what_is_harmless_stays() -> None:
    environ = {"AWS_PAGER": "", "AWS_CA_BUNDLE": "/ca", "AWS_MAX_ATTEMPTS": "1", "HOME": "/root", "AWKWARD": "1"}
    assert surroundings.scrubbed(environ) == environ


def test_a_proxy_is_kept_out_of_the_way() -> None:
    environ = {"http_proxy": "http://proxy:1", "NO_PROXY": "a,b"}
    place = surroundings.place("http://127.0.0.1:4566", "us-east-1", environ)
    assert place["NO_PROXY"] == "a,b,127.0.0.1"
    assert place["no_proxy"] == "127.0.0.1"
    assert "NO_PROXY" not in surroundings.place("http://127.0.0.1:4566", "us-east-1", {})


def test_keys_are_not_printed() -> None:
    assert "evil" not in repr(surroundings.Keys("AKIA", "evil", "evil"))
