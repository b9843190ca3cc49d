"""Where keys of OpenID Connect issuers come from: a URL is asked once, no redirect is followed, silence is an error."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import KeySet

from .conftest import Gateway
from .test_tags import code_of
from .test_web_identity import RSA, Issuer, code, unsigning


@pytest.fixture
def issuer(gateway: Gateway, tmp_path: Path) -> Issuer:
    return Issuer(gateway, tmp_path, f"{gateway.name('idp')}.example")


@pytest.fixture
def site() -> Iterator[HTTPServer]:
    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.asked.append(self.path)  # type: ignore[attr-defined]
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/keys")
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(KeySet([RSA]).as_dict(private=False)).encode())

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Site)
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_keys_from_a_url_are_fetched_once_and_never_by_a_redirect(
    gateway: Gateway, issuer: Issuer, tmp_path: Path, site: Any
) -> None:
    gateway.key_sources[f"https://{issuer.name}"] = f"http://127.0.0.1:{site.server_port}/keys"
    role = issuer.role()
    assert [code(gateway, role["Arn"], issuer.token()) for _ in range(3)] == [""] * 3
    assert site.asked == ["/keys"]
    moved = Issuer(gateway, tmp_path, f"{gateway.name('idp')}.example")
    gateway.key_sources[f"https://{moved.name}"] = f"http://127.0.0.1:{site.server_port}/moved"
    assert code(gateway, moved.role()["Arn"], moved.token()) == "IDPCommunicationError"
    assert site.asked == ["/keys", "/moved"]


def test_an_issuer_that_cannot_be_asked(gateway: Gateway, issuer: Issuer, tmp_path: Path) -> None:
    gateway.key_sources[f"https://{issuer.name}"] = str(tmp_path / "nothing.json")
    asked = {"RoleArn": issuer.role()["Arn"], "RoleSessionName": "session", "WebIdentityToken": issuer.token()}
    assert code_of(unsigning(gateway).assume_role_with_web_identity, **asked) == "IDPCommunicationError"
