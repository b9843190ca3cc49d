"""What a backend answers that is no answer of AWS's: an error of its own, never a failure of Kansatsu."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from kansatsu.backends.port import BackendResponse
from kansatsu.backends.typed import decoded
from kansatsu.errors import AwsError


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "text/xml"])
@pytest.mark.parametrize("status", [200, 400, 404, 500, 501])
def test_a_text_in_the_place_of_an_answer(kind: str, status: int) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"NotImplemented"

    async def close() -> None:
        return None

    response = BackendResponse(status, [("content-type", kind)], body(), close)
    with pytest.raises(AwsError) as raised:
        asyncio.run(decoded(response, "ec2", "DescribeSubnets"))
    expected = ("NotImplemented", 501) if status in (404, 501) else ("InternalFailure", 500)
    assert (raised.value.code, raised.value.status) == expected
