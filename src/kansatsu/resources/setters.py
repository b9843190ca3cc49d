"""Calls that set a resource policy: what they may set, and the policy as it is passed on to the backend.

Principals are passed on, and so kept by the backend, as unique ids; `shown` turns them back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kansatsu.errors import AwsError, MalformedPolicyDocument
from kansatsu.identity import principals
from kansatsu.policy import QUOTAS, Document, PolicyType, parse
from kansatsu.resources.carrier import unwrapped, wrapped
from kansatsu.resources.checks import check_s3

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Setter:
    """A call with a policy in its parameters.

    `get` takes the text from them (None: this call sets none), `put` makes the parameters with another text. `quota`
    is the name of its size in policy.QUOTAS. `refusal` words the error of a policy that AWS would not take, `too_long`
    that of one over the quota. `check` raises MalformedPolicyDocument for what the service itself does not take.
    `unseen`: the embedded backend must not act upon it (see `carrier`).
    """

    get: Callable[[Params], str | None]
    put: Callable[[Params, str], dict[str, Any]]
    quota: str
    refusal: Callable[[str], AwsError]
    too_long: Callable[[int], AwsError]
    check: Callable[[Document, str], None]
    unseen: bool = False

    def prepared(
        self, params: Params, holder: str, people: principals.People, *, embedded: bool
    ) -> tuple[Document, dict[str, Any]] | None:
        """The policy, and the parameters as they are passed on; None when the call sets none.

        `holder` is the ARN of the resource; `embedded` says which backend it is for. Raises the service's own error
        for what AWS does not take.
        """
        text = self.get(params)
        if text is None:
            return None
        try:
            if not text.startswith("{"):
                raise MalformedPolicyDocument(NOT_JSON)
            document = parse(text, PolicyType.RESOURCE)
            self.check(document, holder)
            kept = principals.stored(document, people)
        except MalformedPolicyDocument as error:
            raise self.refusal(error.message) from None
        except principals.InvalidPrincipal:
            raise self.refusal("Invalid principal in policy") from None
        quota = QUOTAS[self.quota]
        if not quota.fits(document):
            raise self.too_long(quota.size)
        return document, self.put(params, wrapped(kept) if self.unseen and embedded else kept)


def _member(name: str) -> tuple[Callable[[Params], str | None], Callable[[Params, str], dict[str, Any]]]:
    return lambda params: params.get(name), lambda params, text: {**params, name: text}


NOT_JSON = "Policies must be valid JSON and the first byte must be '{'"


def _s3(message: str) -> AwsError:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList"""
    return AwsError(message, code="MalformedPolicy", status=400)


def _s3_too_long(size: int) -> AwsError:
    return AwsError(f"Policy exceeds the maximum allowed document size of {size} bytes", code="PolicyTooLarge")


SETTERS: dict[str, Setter] = {
    "s3.PutBucketPolicy": Setter(*_member("Policy"), "bucket", _s3, _s3_too_long, check_s3, unseen=True),
}
# Calls that answer with a policy: the member of the answer.
READERS: dict[str, str] = {"s3.GetBucketPolicy": "Policy"}


def shown(operation: str, answer: Mapping[str, Any], people: principals.People) -> dict[str, Any]:
    """The answer of a call that reads a policy, with the ARNs of the principals that still exist."""
    name = READERS[operation]
    text = answer.get(name)
    if not text:
        return dict(answer)

    def arn_of(unique_id: str) -> str | None:
        found = people.by_id(unique_id)
        return found.arn if found is not None else None

    return {**answer, name: principals.shown(unwrapped(text), arn_of)}
