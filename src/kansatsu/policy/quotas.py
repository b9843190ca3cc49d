"""How large AWS lets each kind of policy be, in one table for all who store policies."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from kansatsu.policy.model import Document

_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
_ORGANIZATIONS = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html"


class Quota(NamedTuple):
    """`size` is the default and `most` what AWS raises it to on request, both inclusive.

    `blanks`: white space counts. `octets`: the unit is the byte of UTF-8, else the character.
    """

    size: int
    most: int
    url: str
    blanks: bool = False
    octets: bool = False

    def measure(self, document: Document) -> int:
        """The size of the document as this quota counts."""
        if self.octets:
            return len(document.text.encode())
        return len(document.text) if self.blanks else document.size

    @property
    def unit(self) -> str:
        """What is counted, in words."""
        return "bytes" if self.octets else "characters" if self.blanks else "characters without white space"

    def fits(self, document: Document) -> bool:
        """Is the document within the default?"""
        return self.measure(document) <= self.size


def _octets(size: int, url: str) -> Quota:
    return Quota(size, size, url, blanks=True, octets=True)


QUOTAS: Mapping[str, Quota] = MappingProxyType(
    {
        "managed": Quota(6144, 6144, _IAM),
        "user": Quota(2048, 2048, _IAM),  # of all inline policies together, as are the next two
        "group": Quota(5120, 5120, _IAM),
        "role": Quota(10240, 10240, _IAM),
        "trust": Quota(2048, 8192, _IAM),
        "session": Quota(2048, 2048, _IAM),
        "scp": Quota(10240, 10240, _ORGANIZATIONS, blanks=True),
        "rcp": Quota(5120, 5120, _ORGANIZATIONS, blanks=True),
        "vpc-endpoint": Quota(
            20480, 20480, "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html", blanks=True
        ),
        "bucket": _octets(20480, "https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-iam-policies.html"),
        "key": _octets(32768, "https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html"),
        "queue": _octets(
            8192, "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html"
        ),
        "topic": _octets(
            30720, "https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-special-info.html"
        ),
        "table": _octets(
            20480, "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-considerations.html"
        ),
        "bus": _octets(10240, "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html"),
        "function": _octets(20480, "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"),
        "repository": Quota(
            10240,
            10240,
            "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html",
            blanks=True,
        ),
        "secret": Quota(
            20480,
            20480,
            "https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html",
            blanks=True,
        ),
    }
)
