"""Which IAM actions on which resources an operation is: by own tables, by the general rule, or falling back to "*"."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from kansatsu.catalog import ec2, generic, kms_keys, replicas, s3, tags
from kansatsu.catalog.authorization import Authorization, Params, PartitionKeys
from kansatsu.catalog.compiled import entry
from kansatsu.catalog.dynamodb import Resolver
from kansatsu.catalog.rules import Frame
from kansatsu.catalog.values import arn_parts
from kansatsu.wire import Operation

_NOTHING: Mapping[str, str] = {}


def resolve(
    operation: Operation,
    params: Params,
    account: str,
    region: str,
    partition_keys: PartitionKeys | None = None,
    known: Mapping[str, str] = _NOTHING,
    role: Callable[[str], str | None] | None = None,
) -> tuple[Authorization, ...]:
    """Everything that must be allowed for this call; never empty. All of them must be; the first names the denial.

    `partition_keys` tells those of a DynamoDB table or index where they are known: dynamodb:LeadingKeys is exact then.
    `role` tells the ARN of a role by its name, for requests that pass one on by it.
    `known`: ARNs by the names that a backend resolved (aliases of keys, names of secrets), see `questions`.
    """
    return tuple(tags.readings(_resolved(operation, params, account, region, partition_keys, known, role)))


def _resolved(
    operation: Operation,
    params: Params,
    account: str,
    region: str,
    partition_keys: PartitionKeys | None,
    known: Mapping[str, str],
    role: Callable[[str], str | None] | None,
) -> tuple[Authorization, ...]:
    service, frame = operation.service.name, Frame(account, region, known, role)
    if service == "s3":
        found = tuple(s3.resolve(operation.name, params))
    elif service in ("dynamodb", "dynamodbstreams"):
        own = Resolver(account, region, partition_keys, known).resolve(operation.name, params)
        found = (*_guarded(own, region), *replicas.resolve(operation.name, params, account))
    elif service == "ec2":
        found = tuple(_guarded(ec2.resolve(operation.name, params, account, region, known), region))
    else:
        found = _once(entry(operation).resolve(operation, params, frame))
        return tuple(_with_kms_keys(check, params, account) for check in found) if service == "kms" else found
    found = found or (Authorization(generic.action(operation), "*", exact=False),)
    return (*found, *entry(operation).further(params, frame))


def _with_kms_keys(check: Authorization, params: Params, account: str) -> Authorization:
    """The check with KMS's own keys; a parameter that is called like one may mean another thing (KeySpec)."""
    others = {key: value for key, value in check.context.items() if not key.startswith("kms:")}
    return replace(check, context=others | kms_keys.context(check.action.partition(":")[2], params, account))


def _guarded(found: Iterable[Authorization], region: str) -> Iterator[Authorization]:
    """INVARIANT: an ARN that can be read two ways is none; one of another region stands for its namesake here too."""
    for item in found:
        parts = arn_parts(item.resource.removesuffix("*"))
        if item.resource == "*":
            yield item
        elif parts is None or parts[1] != "aws" or not parts[5]:
            yield Authorization(item.action, "*", item.context, exact=False)
        else:
            yield item
            if parts[3] and parts[3] != region:
                here = ":".join((*parts[:3], region, *parts[4:]))
                yield replace(item, resource=here)


def _once(found: Iterable[Authorization]) -> tuple[Authorization, ...]:
    """Each check once."""
    every = {(item.action, item.resource, item.exact, frozenset(item.context.items())): item for item in found}
    return tuple(every.values())
