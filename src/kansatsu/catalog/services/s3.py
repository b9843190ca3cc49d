"""Amazon S3, beside kansatsu.catalog.s3: the KMS keys that a request names.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms: the caller needs the key
too. A bucket's default key and the key of an object that is read are not in the request, and are not asked about.
"""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Question, Rules
from kansatsu.catalog.services.kms import keys
from kansatsu.catalog.values import read


def _asked(params: Params) -> Iterator[Question]:
    """Which key an alias is; an id or a key's ARN is its own answer."""
    for value in read(params, "SSEKMSKeyId"):
        if "alias/" in value:
            yield Question(value, "kms", "DescribeKey", {"KeyId": value}, "KeyMetadata.Arn")


_WRITE = (("kms:GenerateDataKey", keys("SSEKMSKeyId")),)
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html",
    also={
        "PutObject": _WRITE,
        "CopyObject": _WRITE,
        "CreateMultipartUpload": (*_WRITE, ("kms:Decrypt", keys("SSEKMSKeyId"))),
    },
    questions=dict.fromkeys(("PutObject", "CopyObject", "CreateMultipartUpload"), _asked),
)
