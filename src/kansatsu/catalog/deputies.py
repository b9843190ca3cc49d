"""Operations by which the backend would act, or call out, in the caller's place, unseen: they are refused.

Kansatsu authorizes what passes through it. What a backend does by itself (a stack's resources, a message to a web
address) no policy is asked about, so that a role with one permission would have all of the backend's.
"""

from collections.abc import Mapping
from typing import Any

from kansatsu.catalog.lending import lends
from kansatsu.wire import Operation

_SECRETS = "aws/reference/secretsmanager"
_SENDS = "the backend would send requests to the address, from this machine"
# Where Firehose delivers over HTTP. https://docs.aws.amazon.com/firehose/latest/dev/create-destination.html
_ADDRESSES = tuple(
    f"{kind}Destination{what}"
    for kind in ("HttpEndpoint", "Splunk", "Snowflake")
    for what in ("Configuration", "Update")
)
_STACKS = "the backend would make the resources of the template itself, and no policy would be asked about any of them"
_OPERATIONS = {
    **dict.fromkeys(
        (
            *("cloudformation.CreateStack", "cloudformation.UpdateStack", "cloudformation.CreateChangeSet"),
            *("cloudformation.ExecuteChangeSet", "cloudformation.CreateStackSet", "cloudformation.UpdateStackSet"),
            *("cloudformation.CreateStackInstances", "cloudformation.UpdateStackInstances"),
            *("cloudcontrol.CreateResource", "cloudcontrol.UpdateResource", "cloudcontrol.DeleteResource"),
        ),
        _STACKS,
    ),
    # From the server's own network, loopback included: a way for any client to reach what it cannot reach itself.
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
    **dict.fromkeys(("events.CreateApiDestination", "events.UpdateApiDestination"), _SENDS),
}


def acts_unseen(operation: Operation, params: Mapping[str, Any]) -> str:
    """Why this call is refused, as the end of a sentence; "" when it is not.

    INVARIANT: a call for which this is not empty must be refused (501); the backend must not see it.
    """
    name = f"{operation.service.name}.{operation.name}"
    if name == "sns.Subscribe" and str(params.get("Protocol", "")).lower().startswith("http"):
        return _SENDS
    if operation.service.name == "firehose" and any(params.get(name) for name in _ADDRESSES):
        return _SENDS
    if operation.service.name == "cloudformation" and params.get("TemplateURL"):
        return "the backend would read the object that is the template, and no policy would be asked about it"
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
    if operation.service.name == "ssm" and any(_SECRETS in str(name).lower() for name in _parameters(params)):
        return "the backend would read the secret, and no policy would be asked about it; ask Secrets Manager for it"
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/create-manage-multi-region-secrets.html
    if operation.service.name == "secretsmanager" and params.get("AddReplicaRegions"):
        return "the backend would make replicas without the resource policy of the secret, which would be open there"
    # The answer is for the enclave alone, and kms:RecipientAttestation:... are of a document that somebody verified:
    # https://docs.aws.amazon.com/kms/latest/developerguide/cryptographic-attestation.html
    if operation.service.name == "kms" and params.get("Recipient"):
        return "nobody verifies the attestation document, and the backend would answer what only the enclave may read"
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html (AliasName). INVARIANT: such a name says
    # whose key it is, and so who has it.
    if operation.service.name == "kms" and str(params.get("AliasName", "")).lower().startswith("alias/aws/"):
        return "names that begin with alias/aws/ are of the keys that AWS manages"
    if lends(operation, params):
        return "the backend would lend credentials of its own, which nobody here knows and no policy here limits"
    return _OPERATIONS.get(name, "")


def _parameters(params: Mapping[str, Any]) -> list[Any]:
    """The names of Parameter Store that a call holds."""
    return [params.get("Name"), params.get("Path"), *(params.get("Names") or ())]
