"""Calls that set a resource policy: what they may set, and the policy as it is passed on to the backend.

Principals are passed on, and so kept by the backend, as unique ids; `shown` turns them back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kansatsu.errors import MalformedPolicyDocument
from kansatsu.identity import principals
from kansatsu.policy import QUOTAS, Document, PolicyType, parse
from kansatsu.resources import buses, checks, tables
from kansatsu.resources.carrier import unwrapped, wrapped, wrapped_in_statement
from kansatsu.resources.refusals import INVALID_PRINCIPAL, REFUSALS, TOO_LONG

Params = Mapping[str, Any]
NOT_JSON = "Policies must be valid JSON and the first byte must be '{'"


@dataclass(frozen=True, slots=True)
class Setter:
    """A call with a policy in its parameters.

    `get` takes the text from them ("": this call sets none), `put` makes the parameters with another text. `quota` is
    the name of its size in policy.QUOTAS. `check` raises MalformedPolicyDocument for what the service itself does not
    take. `unseen` makes what the embedded backend keeps, where it must not act upon the policy (see `carrier`).
    """

    service: str
    get: Callable[[Params], str]
    put: Callable[[Params, str], dict[str, Any]]
    quota: str
    check: Callable[[Document, str], None]
    unseen: Callable[[str], str] | None = None

    def prepared(
        self, params: Params, holder: str, people: principals.People, *, embedded: bool
    ) -> tuple[Document, dict[str, Any]] | None:
        """The policy as it is kept, and the parameters as they are passed on; None when the call sets none.

        `holder` is the ARN of the resource, "" where it is only made now; `embedded` says which backend it is for.
        Raises the service's own error for what AWS does not take.
        """
        text = self.get(params)
        if not text:
            return None
        refusal = REFUSALS[self.service]
        try:
            if not text.startswith("{"):
                raise MalformedPolicyDocument(NOT_JSON)
            document = parse(text, PolicyType.RESOURCE)
            self.check(document, holder)
            kept = principals.stored(document, people)
        except MalformedPolicyDocument as error:
            raise refusal(error.message) from None
        except principals.InvalidPrincipal:
            raise refusal(INVALID_PRINCIPAL) from None
        quota = QUOTAS[self.quota]
        if not quota.fits(document):
            raise TOO_LONG[self.service](quota.size)
        passed = self.put(params, self.unseen(kept) if self.unseen and embedded else kept)
        return parse(kept, PolicyType.RESOURCE), passed


def _member(name: str) -> tuple[Callable[[Params], str], Callable[[Params, str], dict[str, Any]]]:
    return lambda params: params.get(name) or "", lambda params, text: {**params, name: text}


def _required(name: str) -> tuple[Callable[[Params], str], Callable[[Params, str], dict[str, Any]]]:
    """Of a call that sets a policy in any case: none at all is no policy that it takes."""
    return lambda params: params.get(name) or " ", _member(name)[1]


def _of_attributes(params: Params) -> str:
    return str((params.get("Attributes") or {}).get("Policy") or "")


def _into_attributes(params: Params, text: str) -> dict[str, Any]:
    return {**params, "Attributes": {**params["Attributes"], "Policy": text}}


def _of_attribute(params: Params) -> str:
    return str(params.get("AttributeValue") or " ") if params.get("AttributeName") == "Policy" else ""


def _into_attribute(params: Params, text: str) -> dict[str, Any]:
    return {**params, "AttributeValue": text}


_QUEUE = (_of_attributes, _into_attributes, "queue", checks.of("sqs"))
_TOPIC = ("topic", checks.of("sns"))
_KEY = ("key", checks.of("kms"))
SETTERS: dict[str, Setter] = {
    "s3.PutBucketPolicy": Setter("s3", *_required("Policy"), "bucket", checks.of_bucket, unseen=wrapped),
    "sqs.SetQueueAttributes": Setter("sqs", *_QUEUE),
    "sqs.CreateQueue": Setter("sqs", *_QUEUE),
    "sns.SetTopicAttributes": Setter("sns", _of_attribute, _into_attribute, *_TOPIC),
    "sns.CreateTopic": Setter("sns", _of_attributes, _into_attributes, *_TOPIC),
    "kms.PutKeyPolicy": Setter("kms", *_required("Policy"), *_KEY),
    "kms.CreateKey": Setter("kms", *_member("Policy"), *_KEY),
    "secretsmanager.PutResourcePolicy": Setter(
        "secretsmanager", *_required("ResourcePolicy"), "secret", checks.of("secretsmanager")
    ),
    "dynamodb.PutResourcePolicy": Setter("dynamodb", *_required("Policy"), "table", checks.of_table),
    "events.PutPermission": Setter("events", *_member("Policy"), "bus", checks.of_bus, wrapped_in_statement),
    "ecr.SetRepositoryPolicy": Setter("ecr", *_required("policyText"), "repository", checks.of("ecr")),
}

ArnOf = Callable[[str], str | None]
Answer = Mapping[str, Any]


def _shown_in(*way: str) -> Callable[[Answer, ArnOf], dict[str, Any]]:
    """Shows the policy at the end of the way through the answer, where there is one."""

    def show(answer: Answer, arn_of: ArnOf) -> dict[str, Any]:
        held = answer.get(way[0])
        if not held:
            return dict(answer)
        if len(way) > 1:
            return {**answer, way[0]: _shown_in(*way[1:])(held, arn_of)}
        return {**answer, way[0]: principals.shown(unwrapped(held), arn_of)}

    return show


def _grants(answer: Answer, arn_of: ArnOf) -> dict[str, Any]:
    """Grants with ARNs for the ids of their principals."""

    def shown_grant(grant: Mapping[str, Any]) -> dict[str, Any]:
        named = {name: grant[name] for name in GRANT_PRINCIPALS if name in grant}
        return {**grant, **{name: arn_of(value) or value for name, value in named.items()}}

    return {**answer, "Grants": [shown_grant(grant) for grant in answer.get("Grants") or ()]}


GRANT_PRINCIPALS = ("GranteePrincipal", "RetiringPrincipal")
# Calls that answer with policies or principals: how those are shown.
READERS: dict[str, Callable[[Answer, ArnOf], dict[str, Any]]] = {
    "s3.GetBucketPolicy": _shown_in("Policy"),
    "sqs.GetQueueAttributes": _shown_in("Attributes", "Policy"),
    "sns.GetTopicAttributes": _shown_in("Attributes", "Policy"),
    "kms.GetKeyPolicy": _shown_in("Policy"),
    "kms.ListGrants": _grants,
    "kms.ListRetirableGrants": _grants,
    "secretsmanager.GetResourcePolicy": _shown_in("ResourcePolicy"),
    "dynamodb.GetResourcePolicy": tables.shown,
    "events.DescribeEventBus": buses.shown,
    "events.ListEventBuses": buses.shown,
    "ecr.GetRepositoryPolicy": _shown_in("policyText"),
    "ecr.SetRepositoryPolicy": _shown_in("policyText"),
    "ecr.DeleteRepositoryPolicy": _shown_in("policyText"),
}


def shown(operation: str, answer: Answer, people: principals.People) -> dict[str, Any]:
    """The answer of a call that reads a policy, with the ARNs of the principals that still exist."""
    return READERS[operation](answer, people.arn_of)
