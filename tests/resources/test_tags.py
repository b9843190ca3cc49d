"""How the tags of each kind of resource are asked for; what has tags that are not read is never taken for untagged."""

from typing import Any

import pytest

from kansatsu.arn import Arn
from kansatsu.errors import Unimplemented
from kansatsu.resources.tags import READINGS, prefixes

PLACE = "us-east-1:123456789012"
MAPPING = f"arn:aws:lambda:{PLACE}:event-source-mapping:u"
SECRET = f"arn:aws:secretsmanager:{PLACE}:secret:a-Abcdef"


@pytest.mark.parametrize(
    ("arn", "params"),
    [
        ("arn:aws:s3:::b/k/l m", {"Bucket": "b", "Key": "k/l m"}),
        ("arn:aws:s3:::b", None),
        (f"arn:aws:dynamodb:{PLACE}:table/t", {"ResourceArn": f"arn:aws:dynamodb:{PLACE}:table/t"}),
        (f"arn:aws:dynamodb:{PLACE}:table/t/index/i", {"ResourceArn": f"arn:aws:dynamodb:{PLACE}:table/t"}),
        (f"arn:aws:sns:{PLACE}:t:uuid", {"ResourceArn": f"arn:aws:sns:{PLACE}:t"}),
        (f"arn:aws:lambda:{PLACE}:function:f:live", {"Resource": f"arn:aws:lambda:{PLACE}:function:f"}),
        (MAPPING, {"Resource": MAPPING}),
        (f"arn:aws:lambda:{PLACE}:layer:l:1", None),
        (f"arn:aws:secretsmanager:{PLACE}:secret:a-??????", {"SecretId": "a"}),
        (SECRET, {"SecretId": SECRET}),
        (f"arn:aws:ssm:{PLACE}:parameter/a", {"ResourceType": "Parameter", "ResourceId": "a"}),
        (f"arn:aws:ssm:{PLACE}:parameter/a/b", {"ResourceType": "Parameter", "ResourceId": "/a/b"}),
        (f"arn:aws:ssm:{PLACE}:document/d", {"ResourceType": "Document", "ResourceId": "d"}),
        (f"arn:aws:ssm:{PLACE}:opsitem/o", Unimplemented),
        (f"arn:aws:kinesis:{PLACE}:stream/s", {"StreamName": "s"}),
        (f"arn:aws:kinesis:{PLACE}:stream/s/consumer/c:1", Unimplemented),
        (f"arn:aws:logs:{PLACE}:log-group:g:log-stream:s", {"resourceArn": f"arn:aws:logs:{PLACE}:log-group:g"}),
        (f"arn:aws:logs:{PLACE}:log-group:g:*", {"resourceArn": f"arn:aws:logs:{PLACE}:log-group:g"}),
    ],
)  # fmt: skip
def test_what_is_asked(arn: str, params: Any) -> None:
    named = Arn.parse(arn)
    assert named is not None
    reading = READINGS[named.service]
    if params is Unimplemented:
        with pytest.raises(Unimplemented, match="asks for the tags of"):
            reading.params(named)
    else:
        assert reading.params(named) == params


def test_the_keys_are_those_of_the_service() -> None:
    for arn, own in (
        (f"arn:aws:rds:{PLACE}:cluster-snapshot:x", ("aws:resourcetag/", "rds:cluster-snapshot-tag/")),
        (f"arn:aws:ec2:{PLACE}:vpc/v", ("aws:resourcetag/", "ec2:resourcetag/")),
        ("arn:aws:s3:::b/k", ("s3:existingobjecttag/",)),
    ):
        named = Arn.parse(arn)
        assert named is not None and prefixes(named) == own
