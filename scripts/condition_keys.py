"""Writes docs/condition-keys.md from the table in kansatsu.catalog.keys; run it after a change of either."""

from collections.abc import Iterator
from pathlib import Path

from kansatsu.catalog.keys import SERVICES, Key, Standing, keys

PAGE = Path(__file__).parents[1] / "docs" / "condition-keys.md"
HEAD = """\
# Condition keys

Which condition keys a request has here, for the global keys of the [IAM
guide](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html) and the keys of S3, EC2,
ECS, IAM, STS, KMS and DynamoDB. Made by `scripts/condition_keys.py` from `kansatsu/catalog/keys.py`; a test holds the
page, the table, AWS's reference and the tests of each key against each other.

| standing | what it means for a policy |
|---|---|
| set | the function in the last column (below `src/kansatsu`) sets the key; a real signed request proves it |
| absent, as on AWS | no request that can be made here would have the key on AWS either |
| refused | all that has the key is answered with 501, so no policy is asked about it |
| missing | **AWS would set the key, Kansatsu does not** |

Of the keys named above none is missing. `kansatsu why` and `kansatsu can` name the keys that a policy asked for and the
request did not have.

What a request does not say itself is asked of the backend, each time anew, and only where a policy may decide by it:
tags (`aws:ResourceTag/...`), and the properties of what exists (`resources.property_keys`): the VPC of a security
group, the owner of an image, the aliases of a KMS key. What exists decides by what it is, also where the request would
change it: `ec2:VolumeType` of `ModifyVolume` is that of the volume, `ec2:Attribute/VolumeType` the one it shall have.
Where the backend does not answer the request is refused with 503, and where it has no such call, or Kansatsu cannot
tell which resource it is, with 501: a Deny by such a key never fails to apply because nobody knew the key.

Keys without a value are absent, never empty. `aws:MultiFactorAuthPresent` is absent for long-term keys, not false.
`aws:PrincipalIsAWSService` is always false, and so is `aws:ViaAWSService`, but for what `policy commit` and `rollback`
change: there it is true, and `aws:CalledVia` has `kansatsu.amazonaws.com`.
`aws:ResourceTag/...` is known of IAM's entities, of instances that are Kansatsu's own, and of the resources of a
backend that can be asked for their tags. EC2's keys are in the context of the resources that have them in the
reference, and of no others. AWS documents no spelling for some values: `ec2:RoutingType` is `static` or `BGP`,
`ec2:AuthenticationType` is `Pre Shared Keys` or `Certificates`, `ec2:VpceMultiRegion` is `true` or `false`.
`s3:object-lock-remaining-retention-days` counts begun
days. A key that ends with `*` stands for all that begin so.
"""


def page() -> str:
    """The text of the page."""
    found = sorted(keys(), key=lambda key: key.name.lower())
    parts = [HEAD]
    for title, mine in (("Global keys", _global(found)), *((name, _of(name, found)) for name in SERVICES)):
        parts.append(f"\n## {title}\n\n| key | type | standing | set by, or why not |\n|---|---|---|---|\n")
        parts.extend(mine)
    return "".join(parts)


def _global(found: list[Key]) -> Iterator[str]:
    others = tuple(f"{name}:" for name in SERVICES)
    for key in found:
        if not key.name.startswith(others) and not _federated(key):
            yield _row(key)


def _of(service: str, found: list[Key]) -> Iterator[str]:
    for key in found:
        if key.name.startswith(f"{service}:") or (service == "sts" and _federated(key)):
            yield _row(key)


def _federated(key: Key) -> bool:
    return key.standing is Standing.REFUSED and "federation" in key.by


def _row(key: Key) -> str:
    by = f"`{key.by}`" if key.standing is Standing.SET else key.by
    return f"| `{key.name}` | {key.type} | {key.standing} | {by} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
