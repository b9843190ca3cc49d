"""Multipart uploads at the embedded backend, which finds one by its id alone: whose key is it?

https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html: an upload that is not of the key is NoSuchUpload.
"""

from typing import Any

from kansatsu.backends import EmbeddedBackend
from kansatsu.errors import AwsError
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarder

_OF_UPLOAD = frozenset(
    f"s3.{name}"
    for name in ("AbortMultipartUpload", "CompleteMultipartUpload", "ListParts", "UploadPart", "UploadPartCopy")
)
_MOST = 4096
_Upload = tuple[str, str, str]  # bucket, key, id


class Uploads:
    """Remembers which uploads are of their keys: an id is never another's."""

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder
        self._known: set[_Upload] = set()

    async def verify(self, exchange: Exchange, account: str) -> None:
        """Raises NoSuchUpload where a request names an upload of another key.

        INVARIANT: who may write one object adds no part to another, completes none and gives none up.
        """
        if exchange.name not in _OF_UPLOAD or not isinstance(self._forwarder.backend("s3", account), EmbeddedBackend):
            return
        params = exchange.params
        upload = (params["Bucket"], params["Key"], params["UploadId"])
        if upload in self._known:
            return
        if not await self._is_there(upload, account, exchange.region):
            text = (
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
                "aborted or completed."
            )
            raise AwsError(text, code="NoSuchUpload", status=404, fields={"UploadId": upload[2]})
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known.add(upload)

    async def _is_there(self, upload: _Upload, account: str, region: str) -> bool:
        bucket, key, upload_id = upload
        asked: dict[str, Any] = {"Bucket": bucket, "Prefix": key}
        while True:
            found = await self._forwarder.ask(account, region, "s3", "ListMultipartUploads", asked)
            if any((one["Key"], one["UploadId"]) == (key, upload_id) for one in found.get("Uploads") or ()):
                return True
            if not found.get("IsTruncated"):
                return False
            asked |= {"KeyMarker": found["NextKeyMarker"], "UploadIdMarker": found["NextUploadIdMarker"]}
