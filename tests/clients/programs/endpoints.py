"""Clients in Python that find their credentials by themselves: write and read an object, then what is forbidden.

usage: endpoints.py CLIENT BUCKET. Nothing here says where credentials or endpoints are: it is all where AWS has it.
"""

import asyncio
import os
import sys

REGION = os.environ["AWS_REGION"]
DATA = b"0123456789"


def boto3(bucket, put):
    import boto3

    s3 = boto3.client("s3")
    put(lambda key: s3.put_object(Bucket=bucket, Key=key, Body=DATA))
    assert s3.get_object(Bucket=bucket, Key="mine/boto3")["Body"].read() == DATA
    put.forbidden()


def aiobotocore(bucket, put):
    from aiobotocore.session import get_session

    async def write(key):
        async with get_session().create_client("s3", region_name=REGION) as s3:
            await s3.put_object(Bucket=bucket, Key=key, Body=DATA)

    put(lambda key: asyncio.run(write(key)))
    put.forbidden()


def s3fs(bucket, put):
    import s3fs

    fs = s3fs.S3FileSystem()
    put(lambda key: fs.pipe_file(f"{bucket}/{key}", DATA))
    assert fs.cat_file(f"{bucket}/mine/s3fs") == DATA
    put.forbidden()


def minio(bucket, put):
    import io

    from minio import Minio
    from minio.credentials import IamAwsProvider

    client = Minio("s3.amazonaws.com", credentials=IamAwsProvider(), region=REGION)
    put(lambda key: client.put_object(bucket, key, io.BytesIO(DATA), len(DATA)))
    assert client.get_object(bucket, "mine/minio").read() == DATA
    put.forbidden()


def obstore(bucket, put):
    import obstore
    from obstore.store import S3Store

    store = S3Store(bucket, region=REGION, retry_config={"max_retries": 0})
    put(lambda key: obstore.put(store, key, DATA))
    assert bytes(obstore.get(store, "mine/obstore").bytes()) == DATA
    put.forbidden()


def pyarrow(bucket, put):
    from pyarrow import fs

    s3 = fs.S3FileSystem(region=REGION)

    def write(key):
        with s3.open_output_stream(f"{bucket}/{key}") as out:
            out.write(DATA)

    put(write)
    with s3.open_input_stream(f"{bucket}/mine/pyarrow") as found:
        assert found.read() == DATA
    put.forbidden()


def opendal(bucket, put):
    import opendal

    store = opendal.Operator("s3", bucket=bucket, region=REGION, root="/", endpoint="http://s3.amazonaws.com")
    put(lambda key: store.write(key, DATA))
    assert bytes(store.read("mine/opendal")) == DATA
    put.forbidden()


def awscrt(bucket, put):
    """The common runtime's own chain of providers, signer and HTTP client."""
    from io import BytesIO

    from awscrt import auth, http, io

    bootstrap = io.ClientBootstrap.get_or_create_static_default()
    provider = auth.AwsCredentialsProvider.new_default_chain(bootstrap)
    host = f"{bucket}.s3.amazonaws.com"
    tls = io.ClientTlsContext(io.TlsContextOptions()).new_connection_options()
    tls.set_server_name(host)

    def write(key):
        connection = http.HttpClientConnection.new(host, 443, bootstrap, tls_connection_options=tls).result(20)
        headers = http.HttpHeaders([("host", host), ("content-length", str(len(DATA)))])
        request = http.HttpRequest("PUT", f"/{key}", headers, body_stream=BytesIO(DATA))
        config = auth.AwsSigningConfig(
            algorithm=auth.AwsSigningAlgorithm.V4,
            signature_type=auth.AwsSignatureType.HTTP_REQUEST_HEADERS,
            credentials_provider=provider,
            region=REGION,
            service="s3",
            signed_body_header_type=auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
            use_double_uri_encode=False,
        )
        signed = auth.aws_sign_request(request, config).result(20)
        body = bytearray()
        stream = connection.request(signed, lambda **_: None, lambda chunk, **_: body.extend(chunk))
        stream.activate()
        status = stream.completion_future.result(20)
        if status != 200:
            raise RuntimeError(body.decode())

    put(write)
    put.forbidden()


class Put:
    def __init__(self, client):
        self.client = client

    def __call__(self, write):
        self.write = write
        write(f"mine/{self.client}")

    def forbidden(self):
        print("DONE", flush=True)
        self.write(f"theirs/{self.client}")


CLIENTS = {f.__name__: f for f in (boto3, aiobotocore, s3fs, minio, obstore, pyarrow, opendal, awscrt)}
CLIENTS[sys.argv[1]](sys.argv[2], Put(sys.argv[1]))
