"""Rules about Principal: who is let in by the policy of a resource or a role."""

from collections.abc import Iterator

from kansatsu.catalog.principals import SHARED_PROVIDERS
from kansatsu.lint import _ask, _reference
from kansatsu.lint.conditions import lines_of
from kansatsu.lint.findings import Found, Part, Subject
from kansatsu.policy import PolicyType, Source, compile_policy

_DEPUTY_KEYS = frozenset({"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"})
# Providers that vouch for anybody's jobs or users, so that a subject must be named.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html
_SHARED_PROVIDERS = {"accounts.google.com", "graph.facebook.com", "www.amazon.com"} | {
    provider for provider, key in SHARED_PROVIDERS.items() if key.endswith(":sub")
}


def public(subject: Subject) -> Iterator[Found]:
    for part in subject.parts:
        if part.allows and _open_to_strangers(part, subject.type):
            what = "assume the role" if subject.type is PolicyType.TRUST else "do this"
            yield Found(
                f"Anybody, in any account, may {what}: name principals or add a condition.", part.at("Principal")
            )


def _open_to_strangers(part: Part, type: PolicyType) -> bool:
    if not any(value == "*" and kind in {"*", "AWS"} for kind, value in part.statement.principals):
        return False
    guard = compile_policy(_ask.alone(part), Source(type))
    resource = next(iter(part.statement.resources), "*")
    asked = f"arn:aws:iam::{_ask.ACCOUNT}:role/{_ask.OTHER}" if type is PolicyType.TRUST else _ask.fill(resource)
    return any(_ask.stranger_may(guard, type, action, asked) for action in _examples(part))


def _examples(part: Part) -> Iterator[str]:
    """Some actions that the statement is about."""
    if part.statement.not_action:
        yield "s3:GetObject"
    for pattern in part.statement.actions:
        found = _reference.matching(pattern)
        yield found[0].name if found else "s3:GetObject" if set(pattern) <= {"*", ":"} else pattern


def not_principal(subject: Subject) -> Iterator[Found]:
    for part in subject.parts:
        if part.statement.not_principal:
            yield Found(
                "NotPrincipal denies sessions that you may not mean: use Principal * with aws:PrincipalArn.",
                part.at("Principal"),
            )


def confused_deputy(subject: Subject) -> Iterator[Found]:
    for part in subject.parts:
        keys = {line.key for line in lines_of(part)}
        if part.allows and not keys & _DEPUTY_KEYS:
            for kind, value in part.statement.principals:
                if kind == "Service":
                    yield Found(
                        f"{value} may act for anybody's account here: add aws:SourceArn or aws:SourceAccount.",
                        part.at("Principal", kind, value),
                    )


def any_subject(subject: Subject) -> Iterator[Found]:
    for part in subject.parts:
        keys = {line.key for line in lines_of(part) if line.needed}
        for kind, value in part.statement.principals if part.allows else ():
            provider = value.partition(":oidc-provider/")[2] or value
            narrowed = {key for key in keys if key.startswith(f"{provider}:")} - {f"{provider}:aud", f"{provider}:oaud"}
            if kind == "Federated" and provider in _SHARED_PROVIDERS and not narrowed:
                yield Found(
                    f"Anybody whom {provider} vouches for may assume the role: add a condition on {provider}:sub.",
                    part.at("Principal", kind, value),
                )
