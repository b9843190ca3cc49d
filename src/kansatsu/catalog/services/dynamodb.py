"""Amazon DynamoDB, beside kansatsu.catalog.dynamodb: the objects that an export writes and an import reads.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html#S3DataExport_Requesting_Permissions
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.Requesting.html#S3DataImport.Requesting.Permissions
"""

from collections.abc import Iterator, Mapping

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Finder, Frame, Rules
from kansatsu.catalog.values import Unsure, read, safe


def _bucket(params: Params) -> Iterator[str]:
    for bucket in read(params, "S3Bucket"):
        if not safe(bucket, False):
            raise Unsure(bucket)
        yield f"arn:aws:s3:::{bucket}"


def _written(params: Params, _frame: Frame) -> Iterator[str]:
    """Whatever begins with the prefix; the rest of the key is DynamoDB's."""
    prefix = str(params.get("S3Prefix") or "")
    if "*" in prefix or "?" in prefix or "$" in prefix:
        raise Unsure(prefix)
    yield from (f"{bucket}/{prefix}*" for bucket in _bucket(params))


def _source(objects: bool) -> Finder:
    def find(params: Params, _frame: Frame) -> Iterator[str]:
        source = params.get("S3BucketSource")
        source = source if isinstance(source, Mapping) else {}
        prefix = str(source.get("S3KeyPrefix") or "")
        if "*" in prefix or "?" in prefix or "$" in prefix:
            raise Unsure(prefix)
        yield from (f"{bucket}/{prefix}*" if objects else bucket for bucket in _bucket(source))

    return find


RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html",
    also={
        "ExportTableToPointInTime": tuple(
            (f"s3:{action}", _written) for action in ("PutObject", "PutObjectAcl", "AbortMultipartUpload")
        ),
        "ImportTable": (("s3:ListBucket", _source(False)), ("s3:GetObject", _source(True))),
    },
)
