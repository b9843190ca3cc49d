"""Environments: what points an AWS client here, what would beat that, and what could make a process somebody else.

Precedence of AWS's variables: https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html and
https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kansatsu.cli.values import Address

ENDPOINT = "AWS_ENDPOINT_URL"
# What `kansatsu run` tells its child, and every `kansatsu` in it: the ARN of the identity it has.
RUNNING_AS = "KANSATSU_RUNNING_AS"
_SERVICE_ENDPOINT = ENDPOINT + "_"
_PROXIES = frozenset({"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"})

# What would win over, or spoil, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL.
BEATS = (
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)

# INVARIANT: of AWS_* only what says nothing about who one is or where requests go survives `kansatsu run`; a variable
# that AWS invents tomorrow is dropped until it is listed here.
HARMLESS = frozenset(
    {
        "AWS_CA_BUNDLE",
        "AWS_CLI_AUTO_PROMPT",
        "AWS_DEFAULT_OUTPUT",
        "AWS_MAX_ATTEMPTS",
        "AWS_NODEJS_CONNECTION_REUSE_ENABLED",
        "AWS_PAGER",
        "AWS_REQUEST_CHECKSUM_CALCULATION",
        "AWS_RESPONSE_CHECKSUM_VALIDATION",
        "AWS_RETRY_MODE",
        "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE",
        "AWS_SDK_UA_APP_ID",
    }
)
# KANSATSU_DATA_DIR leads to the administrator's keys, and KANSATSU_* to other servers.
# Older names: AMAZON_* of the JavaScript SDK v2, EC2_* and AWSACCESSKEYID of tools before the SDKs, BOTO_* of boto 2.
_OTHER_PREFIXES = ("KANSATSU_", "AWS_", "AMAZON_", "BOTO_", "AWSACCESSKEY", "AWSSECRETACCESSKEY")
_OTHER_NAMES = frozenset({"EC2_ACCESS_KEY", "EC2_SECRET_KEY", "EC2_URL", "S3_URL", "AWSSECRETKEY"})
# Java reads -Daws.accessKeyId and its like out of these.
_JAVA_OPTIONS = frozenset({"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"})


@dataclass(frozen=True, slots=True)
class Keys:
    """Long-term or session keys of an AWS client."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    def __repr__(self) -> str:
        return f"Keys({self.access_key_id}, ***)"


def pointing(endpoint: str, region: str, keys: Keys, environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that point any AWS client at `endpoint` as the holder of `keys`."""
    return {
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        **({"AWS_SESSION_TOKEN": keys.session_token} if keys.session_token else {}),
        **place(endpoint, region, environ),
    }


def place(endpoint: str, region: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that say where requests go, and keep a proxy out of the way of them."""
    variables = {ENDPOINT: endpoint, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    if not _PROXIES.isdisjoint(environ):
        host = Address.of_url(endpoint).host
        for name in ("NO_PROXY", "no_proxy"):
            others = [part for part in environ.get(name, "").split(",") if part]
            variables[name] = ",".join(dict.fromkeys([*others, host]))
    return variables


def beaten_by(environ: Mapping[str, str]) -> list[str]:
    """Variables to unset beside `pointing`: BEATS, and the endpoints of single services that `environ` has."""
    return [*BEATS, *sorted(name for name in environ if name.startswith(_SERVICE_ENDPOINT))]


def scrubbed(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without anything through which an AWS client could find an identity or another endpoint."""
    return {name: text for name, text in environ.items() if not _suspect(name, text)}


def _suspect(name: str, text: str) -> bool:
    upper = name.upper()
    if name in HARMLESS:
        return False
    if upper in _JAVA_OPTIONS:
        return "-daws." in text.lower()
    return upper.startswith(_OTHER_PREFIXES) or upper in _OTHER_NAMES
