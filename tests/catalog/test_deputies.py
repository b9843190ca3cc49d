"""The attack: a role that may use one service, or only subscribe, lets the backend do the rest."""

import pytest

from kansatsu import wire
from kansatsu.catalog import acts_unseen

REFUSED = [
    *(("cloudformation", name, {}) for name in ("CreateStack", "UpdateStack", "CreateChangeSet", "ExecuteChangeSet")),
    *(("cloudcontrol", name, {}) for name in ("CreateResource", "UpdateResource", "DeleteResource")),
    *(("sns", "Subscribe", {"Protocol": protocol}) for protocol in ("http", "https", "HTTP")),
    *(("events", name, {}) for name in ("CreateApiDestination", "UpdateApiDestination")),
    *(("cloudformation", name, {"TemplateURL": "https://s3.amazonaws.com/b/t"}) for name in (
        "GetTemplateSummary", "ValidateTemplate", "EstimateTemplateCost")),
    *(("ssm", name, {"Name": f"{prefix}/aws/reference/secretsmanager/s"}) for name in (
        "GetParameter", "GetParameterHistory") for prefix in ("", "arn:aws:ssm:us-east-1:123456789012:parameter")),
    *(("secretsmanager", name, {"AddReplicaRegions": [{"Region": "eu-west-1"}]}) for name in (
        "CreateSecret", "ReplicateSecretToRegions")),
    *(("kms", name, {"Recipient": {"AttestationDocument": b"d"}}) for name in (
        "Decrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateRandom", "DeriveSharedSecret")),
    ("ssm", "GetParameters", {"Names": ["a", "/aws/reference/secretsmanager/s"]}),
    ("ssm", "GetParametersByPath", {"Path": "/aws/reference/secretsmanager"}),
]  # fmt: skip
ALLOWED = [
    ("cloudformation", "DescribeStacks", {}),
    ("cloudcontrol", "GetResource", {}),
    ("sns", "Subscribe", {"Protocol": "sqs"}),
    ("s3", "PutObject", {}),
    ("kms", "Decrypt", {"CiphertextBlob": b"c"}),
    ("secretsmanager", "CreateSecret", {"Name": "s"}),
    ("cloudformation", "GetTemplateSummary", {"TemplateBody": "{}"}),
    ("ssm", "GetParameters", {"Names": ["/aws/service/x"]}),
]


@pytest.mark.parametrize(("service", "operation", "params"), REFUSED)
def test_what_the_backend_would_do_by_itself_is_refused(
    service: str, operation: str, params: dict[str, object]
) -> None:
    assert acts_unseen(wire.load_service(service).operation(operation), params)


@pytest.mark.parametrize(("service", "operation", "params"), ALLOWED)
def test_the_rest_is_not(service: str, operation: str, params: dict[str, object]) -> None:
    assert acts_unseen(wire.load_service(service).operation(operation), params) == ""
