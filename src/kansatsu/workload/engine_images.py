"""The images of a container engine, and what becomes of its errors.

https://docs.docker.com/reference/api/engine/version/v1.43/#tag/Image
"""

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import aiodocker
import aiohttp
from aiohttp.client_exceptions import UnixClientConnectorError

from kansatsu.workload.providers import ROLE_LABEL, Image, Inside, Login, NoSuchImage, ProviderError

_NO_CONNECTION = 900  # what aiodocker makes of a socket that nobody listens on
_FILE_LIMIT = 1 << 24  # bytes of a file in an image
_TAR_HEADS = 1 << 16  # more than the headers before a file in an archive have
_MOST_LOOKED = 64  # images whose files are kept in memory
_LONGEST_PULL = 3600.0  # seconds


class Images:
    """Looks for images, looks into them and pulls them."""

    def __init__(self, docker: aiodocker.Docker) -> None:
        self._docker = docker
        self._looked: dict[str, Inside] = {}  # by the ids of images, which never change
        self._looking = asyncio.Lock()

    async def images(self) -> Sequence[Image]:
        async with translated(NoSuchImage):
            return [
                Image(
                    id=item["Id"].removeprefix("sha256:"),
                    tags=tuple(tag for tag in item.get("RepoTags") or () if tag != "<none>:<none>"),
                    created=float(item.get("Created") or 0),
                    architecture=item.get("Arch") or "",
                    labels=item.get("Labels") or {},
                )
                for item in await self._docker.images.list()
                if (item.get("Labels") or {}).get(ROLE_LABEL) != "namespace"
            ]

    async def has_image(self, image: str) -> bool:
        try:
            async with translated(NoSuchImage):
                await self._docker.images.inspect(image)
        except NoSuchImage:
            return False
        return True

    async def pull(self, image: str, login: Login | None) -> None:
        auth = {"username": login.username, "password": login.password} if login else None
        async with translated(ProviderError):
            await self._docker.images.pull(_whole(image) if login else image, auth=auth, timeout=_LONGEST_PULL)

    async def look(
        self, image: str, name: str, labels: Mapping[str, str], paths: Sequence[str], variables: Sequence[str]
    ) -> Inside:
        async with self._looking, translated(NoSuchImage):
            found = await self._docker.images.inspect(image)
            if (known := self._looked.get(found["Id"])) is not None:
                return known
            told = dict(pair.split("=", 1) for pair in found["Config"].get("Env") or () if "=" in pair)
            wanted = [*paths, *(told[name] for name in variables if told.get(name, "").startswith("/"))]
            config = {"Image": found["Id"], "Entrypoint": ["/-"], "Labels": dict(labels)}
            container = await self._docker.containers.create(
                config | {"HostConfig": {"NetworkMode": "none"}}, name=name
            )
            try:
                read = {path: await _file(self._docker, container.id, path) for path in dict.fromkeys(wanted)}
            finally:
                await container.delete(force=True, v=True)
            inside = Inside(told, {path: content for path, content in read.items() if content is not None})
            if len(self._looked) >= _MOST_LOOKED:
                del self._looked[next(iter(self._looked))]
            self._looked[found["Id"]] = inside
            return inside


def _whole(image: str) -> str:
    """The image with its registry. INVARIANT: what logs in somewhere goes to the registry that the image names, and to
    none that an engine looks through for short names.
    """
    first, slash, _ = image.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        return image
    return f"docker.io/{image}" if slash else f"docker.io/library/{image}"


@asynccontextmanager
async def translated(missing: type[ProviderError], *, ignore: int | None = None) -> AsyncIterator[None]:
    """The client's errors as ours; `missing` is what status 404 means, `ignore` a status that is no error here."""
    try:
        yield
    except aiodocker.DockerError as error:
        if error.status == ignore:
            return
        if error.status == _NO_CONNECTION:
            raise ProviderError(_silent(error.__context__ or error)) from error
        kind = missing if error.status == 404 else ProviderError
        raise kind(str(error.message)) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise ProviderError(_silent(error)) from error


def _silent(error: BaseException) -> str:
    """Why an engine does not answer, and what to do about it."""
    if isinstance(error, UnixClientConnectorError):
        forbidden = isinstance(error.os_error, PermissionError)
        mend = "start Kansatsu as somebody who may use it" if forbidden else "start podman or docker, or say --engine"
        return f"the container engine does not answer: {error.path}: {error.os_error.strerror}; {mend}"
    return f"the container engine does not answer{f': {error}' if str(error) else ' in time'}"


async def _file(docker: aiodocker.Docker, container: str, path: str) -> bytes | None:
    """What is in a file of a container; None where it has none, or one of more than _FILE_LIMIT bytes.

    INVARIANT: no more of an image than that is read, whatever its variables name: a directory comes with all in it.
    """
    head = bytearray()
    try:
        async with docker._query(f"containers/{container}/archive", params={"path": path}) as answer, answer:
            while len(head) < _FILE_LIMIT + _TAR_HEADS and (piece := await answer.content.readany()):
                head += piece
    except aiodocker.DockerError as error:
        if error.status == 404:
            return None
        raise
    with tarfile.open(fileobj=io.BytesIO(head), mode="r:") as archive:
        first = archive.next()
        if first is None or not first.isreg() or first.size > _FILE_LIMIT:
            return None
        file = archive.extractfile(first)
        return file.read() if file is not None else None
