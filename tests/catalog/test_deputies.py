"""The attack: a role that may only use CloudFormation, or only subscribe, lets the backend do the rest."""

import pytest

from kansatsu import wire
from kansatsu.catalog import acts_unseen

REFUSED = [
    *(("cloudformation", name, {}) for name in ("CreateStack", "UpdateStack", "CreateChangeSet", "ExecuteChangeSet")),
    *(("cloudcontrol", name, {}) for name in ("CreateResource", "UpdateResource", "DeleteResource")),
    *(("sns", "Subscribe", {"Protocol": protocol}) for protocol in ("http", "https", "HTTP")),
]
ALLOWED = [
    ("cloudformation", "DescribeStacks", {}),
    ("cloudcontrol", "GetResource", {}),
    ("sns", "Subscribe", {"Protocol": "sqs"}),
    ("s3", "PutObject", {}),
]


@pytest.mark.parametrize(("service", "operation", "params"), REFUSED)
def test_what_the_backend_would_do_by_itself_is_refused(service: str, operation: str, params: dict[str, str]) -> None:
    assert acts_unseen(wire.load_service(service).operation(operation), params)


@pytest.mark.parametrize(("service", "operation", "params"), ALLOWED)
def test_the_rest_is_not(service: str, operation: str, params: dict[str, str]) -> None:
    assert acts_unseen(wire.load_service(service).operation(operation), params) == ""
