"""Amazon S3, beside kansatsu.catalog.s3: the KMS keys that a request names.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms: the caller needs the key
too. The key of a bucket, or of an object that is read, is not in the request: only the backend knows it.
"""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Authorization, Params
from kansatsu.catalog.rules import Frame, Question, Rules
from kansatsu.catalog.services.kms import keys, uses
from kansatsu.catalog.values import read


def _asked(params: Params) -> Iterator[Question]:
    """Which key an alias is; an id or a key's ARN is its own answer."""
    for value in read(params, "SSEKMSKeyId"):
        if "alias/" in value:
            yield Question(value, "kms", "DescribeKey", {"KeyId": value}, "KeyMetadata.Arn")


# What a call does with a key.
_USES = {
    "PutObject": ("kms:GenerateDataKey",),
    "CopyObject": ("kms:GenerateDataKey",),
    "CreateMultipartUpload": ("kms:GenerateDataKey", "kms:Decrypt"),
    "GetObject": ("kms:Decrypt",),
}


def key_uses(operation: str, name: str, account: str, region: str) -> tuple[Authorization, ...]:
    """What an operation on an object needs of a key, by its id or ARN, in the account and Region of the bucket."""
    return uses("s3", _USES[operation], name, Frame(account, region), {})


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
