"""Rules about what ARNs and principals name: accounts, Regions and services that there cannot be."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from kansatsu.arn import Arn
from kansatsu.catalog import principals, reference
from kansatsu.lint.actions import nearest
from kansatsu.lint.conditions import lines_of
from kansatsu.lint.findings import Found, Part, Span, Subject

_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_ACCOUNT_FIELD = 5  # of the 6 of an ARN
_OPEN = re.compile(r"[*?$]")  # a pattern or a variable
# In the place of an account: managed policies are AWS's, origin access identities CloudFront's.
_NO_ACCOUNTS = frozenset({"", "aws", "cloudfront"})
_ACCOUNT_KEYS = frozenset(
    {"aws:principalaccount", "aws:resourceaccount", "aws:sourceaccount", "kms:calleraccount", "s3:resourceaccount"}
)
_REGION_KEYS = frozenset({"aws:requestedregion", "ec2:region"})


class _Named(NamedTuple):
    """An ARN, or a bare account or Region, and where it stands."""

    arn: Arn | None
    account: str
    region: str
    span: Span


def malformed_account(subject: Subject) -> Iterator[Found]:
    for named in _named(subject):
        account = named.account
        if account not in _NO_ACCOUNTS and not _OPEN.search(account) and _ACCOUNT.fullmatch(account) is None:
            yield Found(f"{account} is no account id: those have 12 digits, so this matches nothing.", named.span)


def unknown_region(subject: Subject) -> Iterator[Found]:
    for named in _named(subject):
        region = named.region
        if region and not _OPEN.search(region) and region not in _regions():
            yield Found(f"AWS has no Region {region}{nearest(region, _regions())}", named.span)


def malformed_arn(subject: Subject) -> Iterator[Found]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""
    for part in subject.parts:
        for value in part.statement.resources:
            if sentence := _fault(value):
                yield Found(sentence, part.at("Resource", value))


def _fault(text: str) -> str:
    fields = text.split(":", 5)
    # A star at the end may stand for all that is not there, but not for an account behind letters.
    open_ended = re.fullmatch(r"\d*\*" if len(fields) == _ACCOUNT_FIELD else r".*\*", fields[-1], re.DOTALL)
    if len(fields) < 6 and fields[0] == "arn" and not open_ended:
        return (
            f"{text} has {len(fields)} of the 6 fields of an ARN, arn:partition:service:region:account:resource, so it "
            "matches nothing; where a field is empty its colon stays."
        )
    service = fields[2] if len(fields) == 6 else ""
    if not service or _OPEN.search(service) or service in reference.prefixes() or service in reference.arn_services():
        return ""
    return f"No service of AWS has {service} in the ARNs of its resources{nearest(service, reference.arn_services())}"


def misspelt_service(subject: Subject) -> Iterator[Found]:
    for part in subject.parts:
        for kind, value in part.statement.principals:
            if kind == "Service" and (better := principals.meant(value)):
                yield Found(f"There is no service {value}: did you mean {better}?", part.at("Principal", kind, value))


@lru_cache(maxsize=1)
def _regions() -> frozenset[str]:
    """As botocore's endpoints.json lists them, of all partitions."""
    found = find_spec("botocore")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("botocore")
    data = json.loads((Path(found.origin).parent / "data" / "endpoints.json").read_bytes())
    return frozenset(region for partition in data["partitions"] for region in partition["regions"])


def _named(subject: Subject) -> Iterator[_Named]:
    for part in subject.parts:
        for value in part.statement.resources:
            yield from _of(value, part.at("Resource", value))
        for kind, value in part.statement.principals:
            if kind == "AWS":
                span = part.at("Principal", kind, value)
                # AWS takes an account's id in place of the ARN of its root.
                yield from [_Named(None, value, "", span)] if value.isdigit() else _of(value, span)
        yield from _conditions(part)


def _conditions(part: Part) -> Iterator[_Named]:
    for line in lines_of(part):
        if line.family == "null":
            continue
        for value in line.condition.values:
            if line.key in _ACCOUNT_KEYS:
                yield _Named(None, value, "", line.span(value))
            elif line.key in _REGION_KEYS:
                yield _Named(None, "", value, line.span(value))
            elif line.known is not None and line.known.type == "ARN":
                yield from _of(value, line.span(value))


def _of(text: str, span: Span) -> Iterator[_Named]:
    found = Arn.parse(text)
    if found is not None and not _OPEN.search(found.service):
        yield _Named(found, found.account, found.region, span)
