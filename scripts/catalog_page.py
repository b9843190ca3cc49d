#!/usr/bin/env python3
"""Write docs/catalog.md: how the operations of every service are resolved. A test holds the page against this."""

from collections import Counter
from pathlib import Path

from kansatsu.catalog import survey

PAGE = Path(__file__).parents[1] / "docs" / "catalog.md"
HEAD = """# The catalog: what a request must be allowed to do

Kansatsu authorizes each request as AWS does: an action of the
[Service Authorization Reference](https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html)
on the resources that its parameters name. There are three ways to come to them:

- **table**: by a table of the service, in `src/kansatsu/catalog`, where AWS documents more than a rule would find.
- **rule**: a parameter that is called like a placeholder of the resource's ARN, or like the resource, holds its name,
  id or ARN. What has no id before it is made has `*` in its place; an action without resources is on `*`.
- **fall-back**: AWS documents no such action yet, or no parameter names the resource that it requires. The request is
  authorized on `*`: only a policy on everything allows it, every Deny of the action meets it, and the message of a
  denial says so. The record of requests has `"exact": false`.

A name that may be read in two ways (with a wildcard, a path, a qualifier that contradicts another parameter), or an ARN
of another partition, is never taken for a resource: such a request falls back, whatever its operation. Of an ARN of
another Region the resource of the same name in the request's Region must be allowed too.

`kansatsu catalog SERVICE OPERATION` shows one operation. Beside what it shows, a request needs

- `iam:PassRole` with `iam:PassedToService` on each role that it hands to a service, wherever the role stands in it. An
  instance profile that is handed over (Amazon EMR, launch configurations, Spot requests) falls back.
- the action that tags (`sqs:TagQueue`, `ec2:CreateTags`, ...), where it gives tags to what it makes;
- for S3, `kms:GenerateDataKey` on a key that it names. Not asked about: the default key of a bucket, the key of an
  object that is read, and keys that other services use in the caller's place.

The general rule fills condition keys that are called like a parameter, and `aws:RequestTag` and `aws:TagKeys` from tags
in any shape; see [condition keys](condition-keys.md).

"""


def page() -> str:
    """The text of the page."""
    total: Counter[survey.How] = Counter()
    rows = []
    for name, found in survey.counts():
        total += found
        rows.append(f"| {name} | {found.total()} | " + " | ".join(str(found[how]) for how in survey.HOWS) + " |")
    shares = ", ".join(f"{total[how]:,} {how}" for how in survey.HOWS)
    head = f"Of {total.total():,} operations of {len(rows)} services: {shares}.\n\n"
    table = "| service | operations | table | rule | fall-back |\n| --- | ---: | ---: | ---: | ---: |\n"
    return HEAD + head + table + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
