"""What lets programs in a task that know no settings reach AWS's own names here: whom they ask, and whom they trust.

As with `kansatsu run --mode ns`. What is changed is mounted over the container's files, read-only; its image, what the
image trusts besides and what the task definition says stay.
"""

import hashlib
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from kansatsu.workload import trust
from kansatsu.workload.injection import AWS
from kansatsu.workload.providers import OWNER_LABEL, Container, Inside, Mount, Provider
from kansatsu.workload.tasks.attachment import names_itself
from kansatsu.workload.tasks.task import Task

_BUNDLE = "/etc/kansatsu/ca-certificates.crt"
_RESOLVER = "/etc/resolv.conf"


class Surroundings:
    """`authority` is who vouches for AWS's names, in PEM, "" for nobody: then nothing is changed.

    `shown` is a directory of files that tasks may see: nothing in it is secret, and none of it ever changes.
    """

    def __init__(self, provider: Provider, authority: str, shown: Path) -> None:
        self._provider = provider
        self._authority = authority
        self._shown = shown

    async def of(
        self, task: Task, image: str, holder: Container, taken: Collection[Mount]
    ) -> tuple[tuple[Mount, ...], Mapping[str, str]]:
        """What a container of that image sees besides, and the variables that it is told if nobody else sets them.

        `taken` is what its definition mounts. Raises NoSuchImage, ProviderError, OSError.
        """
        if not self._authority:
            return (), {}
        inside = await self._provider.look(
            image, image_reader(task), {OWNER_LABEL: task.id}, trust.BUNDLES, trust.VARIABLES
        )
        files = {_BUNDLE: self._trusting(inside)}
        for path, content in inside.files.items():
            files[path] = trust.joined(content.decode(errors="replace"), self._authority)
        if not names_itself(holder):
            files[_RESOLVER] = _resolver(holder)
        kept = {path: text for path, text in files.items() if not _covered(path, taken)}
        mounts = tuple(Mount(str(self._written(text)), path, read_only=True) for path, text in kept.items())
        return mounts, {name: _BUNDLE for name in trust.VARIABLES if name not in inside.environment}

    def _trusting(self, inside: Inside) -> str:
        own = next((inside.files[path] for path in trust.BUNDLES if path in inside.files), None)
        trusted = trust.of_this_machine() if own is None else own.decode(errors="replace")
        return trust.joined(trusted, self._authority)

    def _written(self, text: str) -> Path:
        """A file with that text; the same one for everybody who sees the same."""
        data = text.encode()
        path = self._shown / hashlib.sha256(data).hexdigest()
        if not path.exists():
            self._shown.mkdir(mode=0o755, exist_ok=True)
            new = path.with_suffix(f".{os.getpid()}")
            with suppress(FileNotFoundError):
                new.unlink()
            new.write_bytes(data)
            new.chmod(0o444)
            new.rename(path)
        return path


def image_reader(task: Task) -> str:
    """The name of the container through which an image is looked into; no container of a task can be named so."""
    return f"ecs-{task.id}.image"


def _resolver(holder: Container) -> str:
    search = f"search {' '.join(holder.search)}\n" if holder.search else ""
    return f"nameserver {AWS}\n{search}options timeout:5 attempts:2\n"


def _covered(path: str, taken: Collection[Mount]) -> bool:
    return any(PurePosixPath(path).is_relative_to(mount.target) for mount in taken)
