"""Tags of users, roles, policies and so on: one function each, registered for all of them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from kansatsu.identity import entities, managed, profiles, tags
from kansatsu.identity.changes import touch
from kansatsu.identity.pages import Cursor
from kansatsu.services.iam import _render, _resources, mfa, oidc_providers, saml_providers, server_certificates
from kansatsu.services.iam._register import bind, iam
from kansatsu.services.registry import Call

F = TypeVar("F", bound=Callable[..., Any])


class Tagged(NamedTuple):
    """What is tagged: the id that holds the tags, and the entry of snapshots that they belong to."""

    id: str
    kind: str = ""  # as in identity.changes; "": no snapshot has it
    entry: str = ""

    def touch(self, call: Call) -> None:
        if self.kind:
            touch(call.conn, call.account, self.kind, self.entry)


def _entity(kind: str) -> Callable[[Call, str], Tagged]:
    def find(call: Call, name: str) -> Tagged:
        found = entities.get(call.conn, call.account, kind, name)
        return Tagged(found.id, "entity", found.id)

    return find


def _policy(call: Call, policy_arn: str) -> Tagged:
    found = managed.own(call.conn, call.account, policy_arn)
    return Tagged(found.id, "policy", found.arn)


def _profile(call: Call, name: str) -> Tagged:
    found = profiles.get(call.conn, call.account, name)
    return Tagged(found.id, "instance_profile", found.id)


# word in the operation's name: parameter that names it, what it is authorized on, how it is found
_SUBJECTS: dict[str, tuple[str, _resources.Locate, Callable[[Call, str], Tagged]]] = {
    "User": ("user_name", _resources.entity("user"), _entity("user")),
    "Role": ("role_name", _resources.entity("role"), _entity("role")),
    "Policy": ("policy_arn", _resources.policy, _policy),
    "InstanceProfile": ("instance_profile_name", _resources.profile, _profile),
    "MFADevice": ("serial_number", mfa.locate, lambda call, serial: Tagged(mfa.existing(call, serial).id)),
    "OpenIDConnectProvider": (
        "open_id_connect_provider_arn",
        oidc_providers.locate,
        lambda call, named: Tagged(oidc_providers.existing(call, named).id),
    ),
    "SAMLProvider": (
        "saml_provider_arn",
        saml_providers.locate,
        lambda call, named: Tagged(saml_providers.existing(call, named).id),
    ),
    "ServerCertificate": (
        "server_certificate_name",
        server_certificates.locate,
        lambda call, name: Tagged(server_certificates.existing(call, name).id),
    ),
}


def _tagged(name: str, *, write: bool = False) -> Callable[[F], F]:
    def register(function: F) -> F:
        for word, (argument, on, find) in _SUBJECTS.items():
            iam(name.format(word), on, write=write)(bind(function, argument, find))
        return function

    return register


@_tagged("Tag{}", write=True)
def tag(call: Call, subject: Tagged, tags: list[dict[str, str]]) -> dict[str, Any]:
    _put(call, subject, tags)
    return {}


@_tagged("Untag{}", write=True)
def untag(call: Call, subject: Tagged, tag_keys: list[str]) -> dict[str, Any]:
    tags.check([(key, "") for key in tag_keys])
    tags.remove(call.conn, subject.id, tag_keys)
    subject.touch(call)
    return {}


@_tagged("List{}Tags")
def list_tags(call: Call, subject: Tagged, marker: str | None = None, max_items: int | None = None) -> dict[str, Any]:
    cursor = Cursor.of("ListTags", marker, max_items)
    return _render.page(
        "Tags", tags.page(tags.of(call.conn, subject.id), cursor), lambda pair: {"Key": pair[0], "Value": pair[1]}
    )


def _put(call: Call, subject: Tagged, requested: list[dict[str, str]]) -> None:
    tags.put(call.conn, subject.id, _render.pairs(requested))
    subject.touch(call)
