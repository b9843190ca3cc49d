"""Service principals that are a slip are told from those that there are, and from those that nothing is known of."""

import pytest

from kansatsu.catalog.principals import meant


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("ecs-task.amazonaws.com", "ecs-tasks.amazonaws.com"),
        ("lamda.amazonaws.com", "lambda.amazonaws.com"),
        ("delivry.logs.amazonaws.com", "delivery.logs.amazonaws.com"),
        ("ec2.amazon.com", "ec2.amazonaws.com"),
        ("ec2.amazonaws.com", ""),
        ("ec2.amazonaws.com.cn", ""),
        ("logs.eu-central-1.amazonaws.com", ""),
        ("ops.apigateway.amazonaws.com", ""),
        ("lambda.application-autoscaling.amazonaws.com", ""),
        ("edgelambda.amazonaws.com", ""),
        ("vpc-flow-logs.amazonaws.com", ""),
        ("monitoring.rds.amazonaws.com", ""),
        ("s060.amazonaws.com", ""),
    ],
)
def test_what_is_meant(given: str, right: str) -> None:
    assert meant(given) == right
