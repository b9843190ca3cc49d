"""How the one who was denied can meet a condition: a sentence for each key, with its command.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

import shlex
from collections.abc import Callable, Sequence

from kansatsu.advisor import MFA, Change
from kansatsu.policy import PolicyType, Request

_WAYS = {
    "aws:sourceip": "Ask from such an address.",
    "aws:securetransport": "Ask over https.",
    "aws:useragent": "Ask with such a User-Agent header.",
    "aws:referer": "Ask with such a Referer header.",
    "aws:currenttime": "Ask again at such a time.",
    "aws:epochtime": "Ask again at such a time.",
    "aws:requestedregion": "Ask in such a Region: --region.",
    "aws:tokenissuetime": "Ask with credentials of a new session.",
    "aws:sourceidentity": "Assume the role with --source-identity.",
    "sts:externalid": "Ask with --external-id.",
    "sts:sourceidentity": "Ask with --source-identity.",
    "sts:rolesessionname": "Ask with such a --role-session-name.",
    "s3:prefix": "Ask with such a --prefix.",
    "s3:x-amz-acl": "Ask with such an --acl.",
    "s3:x-amz-server-side-encryption": "Ask with such a --server-side-encryption.",
    "ec2:instancetype": "Ask with such an --instance-type.",
}


def way(key: str, change: Change, request: Request, serials: Sequence[str]) -> str:
    """How to meet a condition on a key, in lower case; for MFA where it cannot be met, why not."""
    if key in MFA:
        return _signing_in(change, request, serials)
    if key in _WAYS:
        return _WAYS[key]
    return next((said(key, request) for begin, said in _FAMILIES.items() if begin in key), "") or _other(key)


def _signing_in(change: Change, request: Request, serials: Sequence[str]) -> str:
    principal = request.principal
    if principal.kind == "role":
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html
        return "No session of a role has it: a role asks for it in its trust policy, when it is assumed."
    if principal.kind != "user":
        return "Only users sign in with MFA."
    user = principal.arn.rpartition("/")[2]
    serial = next(iter(serials), f"arn:aws:iam::{principal.account}:mfa/{user}")
    proof = f"--serial-number {shlex.quote(serial)} --token-code CODE"
    if change.policy.type is PolicyType.TRUST:
        how = f"aws sts assume-role --role-arn {shlex.quote(request.resource)} --role-session-name NAME {proof}"
        said = f"Prove it when the role is assumed: {how}."
    else:
        said = f"Sign in with MFA: aws sts get-session-token {proof}, and ask with the credentials that it prints."
    if serials:
        return said
    name, device = shlex.quote(user), shlex.quote(serial)
    made = f"--virtual-mfa-device-name {name} --outfile QRCode.png --bootstrap-method QRCodePNG"
    enabled = f"--user-name {name} --serial-number {device} --authentication-code1 CODE --authentication-code2 NEXT"
    steps = f"aws iam create-virtual-mfa-device {made}, then aws iam enable-mfa-device {enabled}"
    return f"{said} {user} has no MFA device yet: {steps}."


def _tag(key: str) -> str:
    return key.partition("/")[2]


def _tagging_principal(key: str, request: Request) -> str:
    entity = (request.principal.role_arn or request.principal.arn).rpartition(":")[2]
    kind, name = entity.partition("/")[0], shlex.quote(entity.rpartition("/")[2])
    tag = shlex.quote(f"Key={_tag(key)},Value=...")
    return f"It is a tag of the {kind}: aws iam tag-{kind} --{kind}-name {name} --tags {tag}."


# By what is in the name of the key.
_FAMILIES: dict[str, Callable[[str, Request], str]] = {
    "principaltag/": _tagging_principal,
    "resourcetag/": lambda key, request: f"It is the tag {_tag(key)} of {request.resource}.",
    "existingobjecttag/": lambda key, request: f"It is the tag {_tag(key)} of {request.resource}.",
    "requesttag/": lambda key, _: f"Pass the tag {_tag(key)} with the request.",
    "aws:tagkeys": lambda *_: "It is the tags that are passed with the request.",
    "kms:encryptioncontext": lambda *_: "Ask with such an --encryption-context.",
}


def _other(key: str) -> str:
    if "." in key.partition(":")[0]:
        return "Ask with a token that says so."
    return "It is what the request asks for, or what the resource is."
