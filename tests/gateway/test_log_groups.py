"""Log groups by logGroupIdentifier: what is read is what was authorized.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
"""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, Gateway
from .raw import REGION, statement

ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"


@pytest.fixture(scope="module")
def groups(gateway: Gateway) -> Iterator[tuple[str, str]]:
    """(one's own, another's), each with a stream of its name. The other's is the newest."""
    logs, names = gateway.client("logs"), (gateway.name("group"), gateway.name("group"))
    for name in names:
        logs.create_log_group(logGroupName=name)
        logs.create_log_stream(logGroupName=name, logStreamName=name)
    yield names
    for name in names:
        logs.delete_log_group(logGroupName=name)


@pytest.mark.parametrize("prefix", ["", ARN])
def test_a_group_by_its_identifier_is_that_group(gateway: Gateway, groups: tuple[str, str], prefix: str) -> None:
    """The attack: the embedded backend does not know the member, and answered from the newest group of all."""
    own, other = groups
    logs = gateway.client("logs", gateway.user(statement("Allow", "logs:*", [ARN + own, f"{ARN}{own}:*"])))
    given = {"logGroupIdentifier": prefix + own}
    assert [one["logStreamName"] for one in logs.describe_log_streams(**given)["logStreams"]] == [own]
    with pytest.raises(ClientError, match="ResourceNotFound"):
        logs.get_log_events(**given, logStreamName=other)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        gateway.client("logs").describe_log_streams(logGroupIdentifier=prefix + "none")
    with pytest.raises(ClientError, match="AccessDenied"):
        logs.get_log_events(logGroupIdentifier=prefix + other, logStreamName=other)
