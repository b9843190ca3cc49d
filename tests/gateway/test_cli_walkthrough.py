"""The AWS CLI drives every operation of IAM and STS that there is, as docs/iam-walkthrough.md has recorded it.

One process runs all of it, by the CLI's own entry: the start of a process for each would take minutes.
"""

import contextlib
import io
import json
import re
import shlex
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import awscli
import pytest
from awscli.clidriver import create_clidriver
from awscli.customizations import assumerole
from joserfc import jws
from joserfc.jwk import KeySet

from kansatsu import services
from kansatsu.identity import totp
from kansatsu.services.registry import handlers
from services.test_iam_credentials import KEYS, certified, pem, ssh

from .conftest import SECOND, Gateway
from .raw import document, statement
from .saml_provider import CERTIFICATE, OWN, Provider, metadata, shown, sign
from .test_web_identity import AUDIENCE, RSA

PAGE = Path(__file__).parents[2] / "docs" / "iam-walkthrough.md"
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=90)
ENTITY = "https://walk.example"
_SET = re.compile(r"(?P<name>[A-Z]+)=\$\((?P<line>.*)\)")


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


class Walk:
    """What a shell would keep between the lines, and the CLI."""

    def __init__(self, gateway: Gateway, directory: Path) -> None:
        self.gateway, self.directory = gateway, directory
        self.kept: dict[str, str] = {"ACCOUNT": SECOND}
        self.called: set[str] = set()
        self.driver, self.bearer = self._cli(), self._cli()  # what is told not to sign does not do so ever again

    def _cli(self) -> Any:
        made = create_clidriver()
        made.session.register("before-call", self._note)
        return made

    def _note(self, model: Any, **_: Any) -> None:
        self.called.add(model.name)

    def run(self, line: str) -> str:
        """What a line prints; it must succeed, or be refused as it says itself."""
        line, _, refused = line.partition("  # ")
        found = _SET.fullmatch(line)
        words = shlex.split(re.sub(r"\$([A-Z]+[0-9]?)", self._value, found["line"] if found else line))
        assert words[0] == "aws"
        out, err = io.StringIO(), io.StringIO()
        unsigned = "assume-role-with" in line
        driver, more = (self.bearer, ["--no-sign-request"]) if unsigned else (self.driver, [])
        if "--profile" in words:
            driver = self._cli()  # nor is a profile ever forgotten
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = driver.main([*words[1:], *more])
        if refused:
            assert status and f"({refused})" in err.getvalue(), line
            return ""
        assert (status, err.getvalue()) == (0, ""), line
        if found:
            self.kept[found["name"]] = out.getvalue().strip()
            assert self.kept[found["name"]]
        return out.getvalue()

    def _value(self, found: re.Match[str]) -> str:
        name = found[1]
        if name.startswith("CODE"):
            return self._code(int(name[4:]))
        if name in ("TOKEN", "ASSERTION", "ENCODED", "TRADE"):
            return str(getattr(self, f"_{name.lower()}")())
        return self.kept[name]

    def _code(self, number: int) -> str:
        step = int(time.time()) // totp.STEP
        return totp.code((self.directory / "seed.txt").read_text().strip(), step - 2 + number)

    def _token(self) -> str:
        now = int(time.time())
        claims = f'{{"iss": "{ENTITY}", "aud": "{AUDIENCE}", "sub": "ana", "iat": {now}, "exp": {now + 600}}}'
        return str(jws.serialize_compact({"alg": "RS256", "kid": RSA.kid}, claims.encode(), RSA))

    def _assertion(self) -> str:
        provider = Provider.__new__(Provider)
        provider.gateway, provider.entity, provider.arn = self.gateway, ENTITY, self.kept["SAML"]
        return shown(sign(provider.response(self.kept["ROLE"], attributes={f"{OWN}RoleSessionName": ["ana"]})))

    def _trade(self) -> str:
        from kansatsu.identity import credentials, delegations

        store = self.gateway.store
        with store.read() as conn:
            item = credentials.by_id(conn, self.kept["ASKED"], delegations.KIND)
        assert item is not None
        return delegations.sealed(store.sealer, item)

    def _encoded(self) -> str:
        from kansatsu.identity import messages

        return messages.encode(self.gateway.store.sealer, SECOND, '{"allowed": false}')


@pytest.fixture
def walk(gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Walk:
    for name in ("awscli", "botocore"):
        caplog.set_level("WARNING", logger=name)  # a page of it for each command
    keys = gateway.stranger
    for name, value in {
        "AWS_ACCESS_KEY_ID": keys.id,
        "AWS_SECRET_ACCESS_KEY": keys.secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": gateway.endpoint,
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_PAGER": "",
        "AWS_DATA_PATH": str(Path(awscli.__file__).parent / "data"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(
        assumerole, "CACHE_DIR", str(tmp_path / "cache")
    )  # else sessions of one run are those of the next
    monkeypatch.chdir(tmp_path)
    federated = [f"arn:aws:iam::{SECOND}:oidc-provider/walk.example", f"arn:aws:iam::{SECOND}:saml-provider/walk"]
    trust = document(
        {"Effect": "Allow", "Principal": {"AWS": SECOND}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"Federated": federated}, "Action": "sts:*"},
    )
    for name, text in {
        "trust.json": trust,
        "policy.json": document(statement("Allow", ["s3:*", "sts:GetScopedCredentials"])),
        "policies.json": json.dumps([document(statement("Allow", "s3:*"))]),
        "topic.json": document(
            {
                "Effect": "Allow",
                "Principal": {"Service": "iam.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": f"arn:aws:sns:us-east-1:{SECOND}:walk",
            }
        ),
        "cert.pem": certified(KEYS[0], until=LATER),
        "other.pem": certified(KEYS[1], until=LATER),
        "key.pem": pem(KEYS[0]),
        "key.pub": ssh(KEYS[2]),
        "metadata.xml": metadata(ENTITY, CERTIFICATE),
    }.items():
        (tmp_path / name).write_text(text)
    keys_file = tmp_path / "keys.json"
    keys_file.write_text(json.dumps(KeySet([RSA]).as_dict(private=False)))
    gateway.key_sources[ENTITY] = str(keys_file)
    return Walk(gateway, tmp_path)


# What some lines must print: the walk is no walk if nothing comes of it.
SAYS = {
    "iam list-users ": "walker",
    "iam get-group ": "walker",
    "iam list-user-tags ": "Stage",
    "iam get-policy-version ": "s3:*",
    "iam list-entities-for-policy ": "walkers",
    "iam simulate-principal-policy ": "allowed",
    "iam get-role ": "7200",
    "iam get-service-linked-role-deletion-status ": "SUCCEEDED",
    "iam list-access-keys ": "Active",
    "iam list-mfa-devices ": ":mfa/walk",
    "iam get-saml-provider ": "EntityDescriptor",
    "sts assume-role-with-web-identity ": "ana",
    "sts assume-role-with-saml ": "persistent",
    "sts get-web-identity-token ": "ey",
    "sts decode-authorization-message ": "allowed",
    "iam get-account-authorization-details ": "walker",
    "iam list-policies-granting-service-access ": "policy/walk",
    "iam get-organizations-access-report ": "COMPLETED",
    "iam list-organizations-features": "RootSessions",
    "sts assume-root ": "ASIA",
    "sts get-scoped-credentials ": "ScopedPoliciesCount",
    "iam get-delegation-request ": "PENDING_APPROVAL",
    "sts get-delegated-access-token ": "ASIA",
}


def test_the_cli_drives_every_operation(walk: Walk) -> None:
    services.load()
    printed = {line: walk.run(line) for line in commands()}
    there = {item.name for item in handlers() if item.service in ("iam", "sts")}
    assert there - walk.called == set(), "docs/iam-walkthrough.md lacks an operation"
    for begin, expected in SAYS.items():
        found = [text for line, text in printed.items() if begin in line]
        assert found, begin
        assert any(expected in text for text in found), (begin, found)
