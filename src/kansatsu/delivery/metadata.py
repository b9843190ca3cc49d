"""The instance metadata service: one listener per instance, and the listener alone says which instance is asking.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
"""

import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import unquote

from kansatsu.clock import Clock
from kansatsu.delivery import tokens, tree
from kansatsu.delivery.instance_identity import Keys, identity_document, signature, signed_message
from kansatsu.delivery.messages import Request, Response, document, refusal, text, timestamp
from kansatsu.delivery.server import Admit, Handle, serve
from kansatsu.workload.views import CredentialError, Credentials, Delivery, IamInfo, InstanceView

log = logging.getLogger(__name__)

TOKEN_HEADER = "x-aws-ec2-metadata-token"  # noqa: S105 - a header's name
TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds"
SHORTEST_LIFE = timedelta(minutes=5)

_TOKEN_PATH = (tree.LATEST, "api", "token")
_READ = ("GET", "HEAD")


class MetadataService:
    """Answers for any number of instances; each is given a listening socket of its own by `serve`."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def serve(self, sock: socket.socket, instance: InstanceView, admit: Admit | None = None) -> Handle:
        """Serve `instance` on a listening socket, which belongs to the handle from now on."""
        # INVARIANT: identity is the listener that accepted; no header and no address can change which view answers.
        return await serve(sock, partial(self.respond, view=instance), self._clock, admit)

    def respond(self, request: Request, view: InstanceView) -> Response:
        """The answer to one request that came in through the listener of `view`."""
        if not request.target.startswith("/"):
            return refusal(400)
        path = tuple(unquote(part) for part in request.target.partition("?")[0].split("/") if part)
        if view.options.http_endpoint == "disabled":
            return refusal(403)
        if path[1:] == _TOKEN_PATH[1:] and (path[0] == tree.LATEST or path[0] in tree.VERSIONS):
            return self._token(request, view, path)
        if request.method not in _READ:
            return refusal(405, {"Allow": "GET, HEAD"})  # [?] not documented
        token = request.headers.get(TOKEN_HEADER)
        if token is None:
            # INVARIANT: an instance that requires session tokens answers nothing at all without one.
            return refusal(401) if view.options.http_tokens == "required" else self._read(path, view, "1.0")
        left = tokens.remaining(self._keys.token_key, view.id, self._clock.now(), token)
        if left is None:
            return refusal(401)
        return _with_ttl(self._read(path, view, "2.0"), left)

    def _token(self, request: Request, view: InstanceView, path: tuple[str, ...]) -> Response:
        if request.method != "PUT":
            return refusal(405, {"Allow": "OPTIONS, PUT"})
        # INVARIANT: whatever forwards requests for others (an open proxy, a web firewall) never gets a token.
        if "x-forwarded-for" in request.headers or path != _TOKEN_PATH:
            return refusal(403)
        ttl = request.headers.get(TTL_HEADER, "").strip()
        if not ttl.isascii() or not ttl.isdigit() or len(ttl) > 5 or not tokens.MIN_TTL <= int(ttl) <= tokens.MAX_TTL:
            return refusal(400)
        token = tokens.issue(self._keys.token_key, view.id, self._clock.now(), int(ttl))
        # INVARIANT: only this answer is limited in hops: a token that a container behind another hop may not have
        # dies on the way, while reads with a token work at any distance.
        return replace(_with_ttl(text(token), int(ttl)), hop_limit=view.options.hop_limit)

    def _read(self, path: tuple[str, ...], view: InstanceView, delivery: Delivery) -> Response:
        launched = view.facts.launch_time
        if not path:
            return text("\n".join((*tree.VERSIONS, tree.LATEST)), launched)
        if path[0] != tree.LATEST and path[0] not in tree.VERSIONS:
            return refusal(404)
        node = tree.find(self._tree(view, delivery), path[1:])
        if node is None:
            return refusal(404)
        if isinstance(node, str):
            return text(node, launched)
        if isinstance(node, tree.Directory):
            return text(node.text(), launched)
        content = node.content()
        return refusal(404) if content is None else text(content, node.changed or launched, node.content_type)

    def _tree(self, view: InstanceView, delivery: Delivery) -> tree.Directory:
        def content() -> bytes:
            return identity_document(view).encode()

        def signed(sign: Callable[[Keys, bytes], str]) -> tree.Leaf:
            return tree.Leaf(lambda: sign(self._keys, content()).encode())

        identity = tree.Directory(
            {
                "document": tree.Leaf(content),
                "pkcs7": signed(signed_message),
                "rsa2048": signed(signed_message),
                "signature": signed(signature),
            }
        )
        dynamic = tree.Directory({"instance-identity": identity})
        return tree.root(view.facts.user_data, dynamic, tree.meta_data(view, self._iam(view, delivery)))

    def _iam(self, view: InstanceView, delivery: Delivery) -> tree.Directory | None:
        info = view.iam_info()
        if info is None:
            return None
        entries: dict[str, tree.Node] = {"info": _leaf(_info_members(info), info.last_updated)}
        state = view.credentials(delivery)
        if state is not None and state.role_name:
            leaf = self._credentials(view, state) if isinstance(state, Credentials) else _failure(state)
            entries["security-credentials"] = tree.Directory({state.role_name: leaf})
        return tree.Directory(entries)

    def _credentials(self, view: InstanceView, credentials: Credentials) -> tree.Leaf:
        def content() -> bytes | None:
            # INVARIANT: SDKs that are given credentials about to die go on signing with them, or storm the endpoint.
            if too_short(credentials, self._clock.now()):
                log.error(
                    "instance %s: the credentials of role %s end at %s and were not renewed; they are withheld",
                    view.id,
                    credentials.role_name,
                    timestamp(credentials.expiration),
                )
                return None
            return document(_credential_members(credentials)).encode()

        return tree.Leaf(content, changed=credentials.last_updated)


def too_short(credentials: Credentials, now: datetime) -> bool:
    """Whether fewer than five minutes are left: such credentials are never handed out."""
    return credentials.expiration - now < SHORTEST_LIFE


def _with_ttl(answer: Response, seconds: int) -> Response:
    return replace(answer, headers={**answer.headers, "X-aws-ec2-metadata-token-ttl-seconds": str(seconds)})


def _leaf(members: Mapping[str, str], changed: datetime) -> tree.Leaf:
    return tree.Leaf(lambda: document(members).encode(), changed=changed)


def _failure(error: CredentialError) -> tree.Leaf:
    members = {"Code": error.code, "Message": error.message, "LastUpdated": timestamp(error.last_updated)}
    return _leaf(members, error.last_updated)


def _info_members(info: IamInfo) -> dict[str, str]:
    members = {
        "Code": info.code,
        "Message": info.message,
        "LastUpdated": timestamp(info.last_updated),
        "InstanceProfileArn": info.instance_profile_arn,
        "InstanceProfileId": info.instance_profile_id,
    }
    return {name: value for name, value in members.items() if value}


def _credential_members(credentials: Credentials) -> dict[str, str]:
    return {
        "Code": "Success",
        "LastUpdated": timestamp(credentials.last_updated),
        "Type": "AWS-HMAC",
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.token,
        "Expiration": timestamp(credentials.expiration),
    }
