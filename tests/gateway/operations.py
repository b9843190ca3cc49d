"""Every operation of S3 that is not of an object or bucket itself, asked for with no more than it must have."""

from typing import Any

import botocore.session

from .raw import Ask

MODEL = botocore.session.get_session().get_service_model("s3")
CONTENT = b"what is in the object"
# These are of the object, and of the bucket, itself.
ITSELF = {
    *("CopyObject", "CreateBucket", "DeleteBucket", "DeleteObject", "GetObject", "HeadBucket", "HeadObject"),
    *("ListObjects", "ListObjectsV2", "ListObjectVersions", "PutObject"),
}
OTHERS = sorted(set(MODEL.operation_names) - ITSELF)
KEY = "folder/key"


def least(name: str, bucket: str) -> Ask:
    """The request for an operation on KEY of a bucket, or on the bucket, with a body that would be an object."""
    model = MODEL.operation_model(name)
    path, _, query = model.http["requestUri"].partition("?")
    path = path.replace("{Bucket}", bucket).replace("{Key+}", KEY)
    headers, pairs = {}, [query]
    for member in model.input_shape.required_members if model.input_shape else ():
        place: dict[str, Any] = model.input_shape.members[member].serialization
        if place.get("location") == "querystring":
            pairs.append(f"{place['name']}=1")
        elif place.get("location") == "header":
            headers[place["name"]] = f"/{bucket}/{KEY}"
    body = b"overwritten" if model.http["method"] in ("PUT", "POST") else b""
    return Ask(model.http["method"], path, "&".join(filter(None, pairs)), headers, body)
