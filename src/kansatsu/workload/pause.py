"""A container image that does nothing, made here: it holds the network namespace of an instance.

No registry is asked and no compiler is needed: the program is an ELF header and one loop around a system call that
waits for signals. Signals do not end it (process 1 ignores what it has no handler for); it is removed by force.
"""

import hashlib
import io
import json
import struct
import tarfile

from kansatsu.workload.providers import ROLE_LABEL, ProviderError

PROGRAM = "/pause"
NAME = "localhost/kansatsu/pause:1"

_BASE = 0x400000  # where the one segment is mapped
_HEADERS = 64 + 56  # an ELF header and one program header: elf(5)

# Machine number of elf(5), and the loop. x86-64: mov eax,34 (pause); syscall; jmp. arm64: ppoll(0,0,0,0), because
# it has no pause: mov x0..x4,#0; mov x8,#73; svc #0; b.
_MACHINES = {
    "amd64": (62, bytes.fromhex("b8220000000f05ebf7")),
    "arm64": (183, struct.pack("<8I", 0xD2800000, 0xD2800001, 0xD2800002, 0xD2800003, 0xD2800004, 0xD2800928,
                               0xD4000001, 0x17FFFFF9)),
}  # fmt: skip


def program(architecture: str) -> bytes:
    """The executable. Raises ProviderError for a processor that we have no loop for."""
    if architecture not in _MACHINES:
        raise ProviderError(f"Kansatsu cannot launch instances on {architecture}; containers can be registered.")
    machine, code = _MACHINES[architecture]
    size = _HEADERS + len(code)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<16sHHIQQQIHHHHHH", ident, 2, machine, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return header + segment + code


def image(architecture: str) -> tuple[str, bytes]:
    """The image's id and its archive, as POST /images/load takes it. The same bytes give the same id everywhere.

    https://github.com/moby/moby/blob/master/image/spec/v1.2.md
    """
    layer = _tar({PROGRAM.lstrip("/"): (program(architecture), 0o755)})
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {"Entrypoint": [PROGRAM], "Labels": {ROLE_LABEL: "namespace"}},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }
    ).encode()
    id = hashlib.sha256(config).hexdigest()  # noqa: A001 - that is what it is
    manifest = json.dumps([{"Config": f"{id}.json", "RepoTags": [NAME], "Layers": ["layer.tar"]}]).encode()
    files = {f"{id}.json": (config, 0o644), "layer.tar": (layer, 0o644), "manifest.json": (manifest, 0o644)}
    return id, _tar(files)


def file(path: str, content: bytes, mode: int) -> bytes:
    """An archive with one file, as PUT /containers/ID/archive takes it."""
    return _tar({path.lstrip("/"): (content, mode)})


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()
