"""aiobotocore: put, get, range and list; then what is forbidden."""

import asyncio
import sys

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

bucket = sys.argv[1]


async def main():
    config = AioConfig(response_checksum_validation="when_required")
    async with get_session().create_client("s3", config=config) as s3:
        await s3.put_object(Bucket=bucket, Key="mine/small", Body=b"0123456789")
        got = await s3.get_object(Bucket=bucket, Key="mine/small", Range="bytes=2-4")
        assert await got["Body"].read() == b"234"
        assert (await s3.list_objects_v2(Bucket=bucket, Prefix="mine/"))["KeyCount"] == 1
        print("DONE", flush=True)
        await s3.put_object(Bucket=bucket, Key="theirs/x", Body=b"x")


asyncio.run(main())
