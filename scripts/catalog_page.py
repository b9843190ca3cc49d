#!/usr/bin/env python3
"""Write docs/catalog.md: how the operations of every service are resolved. A test holds the page against this."""

from pathlib import Path

from kansatsu.catalog import survey
from kansatsu.catalog.lending import LENDS

PAGE = Path(__file__).parents[1] / "docs" / "catalog.md"
HEAD = """# The catalog: what a request must be allowed to do

Kansatsu authorizes each request as AWS does: an action of the
[Service Authorization Reference](https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html)
on the resources that its parameters name. There are three ways to come to them:

- **table**: by a table of the service, in `src/kansatsu/catalog`, where AWS documents more than a rule would find.
- **rule**: a parameter that is called like a placeholder of the resource's ARN, or like the resource, holds its name,
  id or ARN. What has no id before it is made has `*` in its place; an action without resources is on `*`.
- **fall-back**: AWS documents no such action yet, or no parameter names the resource that it requires, nor can the
  backend be asked (as it is for the file system of a mount target, the workgroup of a query, or the route table and
  subnet of an association), or it does not answer. The request is authorized on `*`: only a policy on everything allows
  it, every Deny of the action meets it, and the message of a denial says so. The record of requests has
  `"exact": false`.

A name that may be read in two ways (with a wildcard, a path, a qualifier that contradicts another parameter), or an ARN
of another partition, is never taken for a resource: such a request falls back, whatever its operation. Of an ARN of
another Region the resource of the same name in the request's Region must be allowed too.

`kansatsu catalog SERVICE OPERATION` shows one operation. Beside what it shows, a request needs

- `iam:PassRole` with `iam:PassedToService` on each role that it hands to a service, wherever the role stands in it:
  also in an instance profile (Amazon EMR, launch configurations, Spot requests), in the version of a launch template
  that Auto Scaling, a fleet or AWS Batch launches, and among the settings of Elastic Beanstalk,
  also those of a saved configuration.
- `ec2:RunInstances` on each thing that a fleet or an Auto Scaling group launches by a launch template.
- the action that tags (`sqs:TagQueue`, `ec2:CreateTags`, ...), where it gives tags to what it makes;
- `s3:ListBucket` on the bucket, for GetObject, HeadObject, GetObjectAttributes, SelectObjectContent and copies of an
  object to answer that there is no such object: without it they are denied;
- for S3, `kms:GenerateDataKey` on a key that it names, and
  [at the embedded backend](resource-policies.md#services-calling-services)
  the same for the default key of a bucket and `kms:Decrypt` for the key of an object that is read; for a SecureString
  of Parameter Store `kms:Encrypt` or `kms:GenerateDataKey`, and `kms:Decrypt`; for a secret `kms:GenerateDataKey` and
  `kms:Decrypt`. Not asked about: keys that other services use in the caller's place.

The general rule fills condition keys that are called like a parameter, and `aws:RequestTag` and `aws:TagKeys` from tags
in any shape; see [condition keys](condition-keys.md).

Whatever policies allow, an operation that lends credentials of the backend's making is refused with 501, as nobody here
knows them (GetConnection only `withSecret`, CreateBuild only without a `StorageLocation`):
"""
HEAD += ",\n".join(f"{service} {', '.join(names)}" for service, names in LENDS.items()) + ".\n\n"


# Services of which every operation is looked at: what falls back there is named, each time with the reason.
NAMED = (
    *("acm", "apigateway", "athena", "batch", "cloudformation", "cloudwatch", "cognito-idp", "dynamodb", "ec2", "ecr"),
    *("efs", "elasticache", "events", "firehose", "glue", "kinesis", "kms", "lambda", "logs", "rds", "route53", "s3"),
    *("secretsmanager", "sns", "sqs", "ssm", "stepfunctions"),
)
# Operation -> why no parameter and no answer of the service names the resource that AWS's reference has for it.
WHY = {
    "cloudformation RecordHandlerProgress": "the bearer token of a resource handler; no call tells its stack",
    **dict.fromkeys(
        ("glue GetDataQualityModel", "glue GetDataQualityModelResult", "glue PutDataQualityProfileAnnotation"),
        "a statistic or a profile; no call tells its ruleset or job",
    ),
    **dict.fromkeys(
        [f"lambda SendDurableExecutionCallback{end}" for end in ("Failure", "Heartbeat", "Success")],
        "the id of a callback; no call tells its execution",
    ),
}
REST = """
## The services that are used most

**named** are operations whose resources are named by the request or by the backend's answer about it, **on `*`** those
whose action AWS's reference has without any type of resources (`ListQueues`, `DescribeInstances`): there `*` is the
exact resource, and no policy can say another. What falls back for lack of documentation, and what falls back although
it is documented, is listed below the table.

iam, sts and ecs are answered by Kansatsu itself, with organizations and cloudtrail: the resource of each of these
operations is in its handler, and none is on `*` for which the reference requires another; the table above counts their
models, of which the rest is 501. The embedded backend does not tell of which subnet an IPv6 block is: there ec2's
DisassociateSubnetCidrBlock falls back, too.

| service | operations | named | on `*` | undocumented | other fall-back |
| --- | ---: | ---: | ---: | ---: | ---: |
"""
LISTS = """
What falls back although AWS documents its resource, and why; a policy must allow it on everything:

"""
UNKNOWN = """
What falls back because neither the Service Authorization Reference nor the page of the operation has its action and
what that is on:

"""


def row(found: survey.Counts) -> str:
    """The line of a service in the table."""
    told = [found.hows["table"], found.hows["rule"], len(found.undocumented), len(found.untold)]
    return f"| {found.service} | {found.hows.total()} | " + " | ".join(map(str, told)) + " |"


def lines(found: survey.Counts) -> list[str]:
    """The lines of a service in the second part of the page; [] where it is not one of those that are used most."""
    if found.service not in NAMED:
        return []
    exact = found.hows.total() - found.hows["fall-back"]
    told = [found.hows.total(), exact - found.everything, found.everything, len(found.undocumented), len(found.untold)]
    made = [f"| `{found.service}` | " + " | ".join(map(str, told)) + " |"]
    made += [f"- {found.service} {name}: {WHY[f'{found.service} {name}']}" for name in found.untold]
    return made + ([f"- {found.service}: {', '.join(found.undocumented)}"] if found.undocumented else [])


def assembled(rows: list[str], lines: list[str]) -> str:
    """The text of the page, of these rows and lines in the order of services."""
    columns = zip(*([int(cell) for cell in line.split("|")[2:-1]] for line in rows), strict=True)
    total, table, rule, undocumented, untold = map(sum, columns)
    head = f"Of {total:,} operations of {len(rows)} services: {table:,} table, {rule:,} rule, "
    head += f"{undocumented:,} fall back because AWS documents no action of theirs, {untold:,} for another reason.\n\n"
    titles = "| service | operations | table | rule | undocumented | other fall-back |\n"
    table_head = titles + "| --- | ---: | ---: | ---: | ---: | ---: |\n"
    text = HEAD + head + table_head + "\n".join(rows) + "\n" + REST
    text += "\n".join(line for line in lines if line.startswith("|")) + "\n" + LISTS
    text += "\n".join(line for line in lines if line.startswith("- ") and not _is_list(line)) + "\n" + UNKNOWN
    return text + "\n".join(line for line in lines if _is_list(line)) + "\n"


def _is_list(line: str) -> bool:
    return line.startswith("- ") and " " not in line[2:].partition(":")[0]


def page() -> str:
    """The text of the page; takes seconds."""
    every = list(survey.counts())
    return assembled([row(found) for found in every], [line for found in every for line in lines(found)])


if __name__ == "__main__":
    PAGE.write_text(page())
