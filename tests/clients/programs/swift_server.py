"""OpenStack Swift as an S3-compatible server: proxy, account, container and object server, in one process on loopback.

usage: swift_server.py DIRECTORY PORT ACCESS_KEY SECRET. Its configuration, its rings and its data are in DIRECTORY,
which needs extended attributes. Access keys of tempauth are ACCOUNT:USER.
https://docs.openstack.org/swift/latest/admin/middleware.html (s3api, tempauth)
"""

import socket
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")  # eventlet says that it is old

import eventlet  # noqa: E402

eventlet.monkey_patch()

from eventlet import wsgi  # noqa: E402
from swift.common.http_protocol import SwiftHttpProtocol  # noqa: E402
from swift.common.ring.builder import RingBuilder  # noqa: E402
from swift.common.utils import set_swift_dir  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402

STORES = ("account", "container", "object")
FILTERS = {
    "catch_errors": "catch_errors",
    "gatekeeper": "gatekeeper",
    "cache": "memcache",
    "listing_formats": "listing_formats",
    "bulk": "bulk",
    "s3api": "s3api\nlocation = us-east-1",
    "tempauth": "tempauth\nuser_{user} = {secret} .admin",
    "copy": "copy",
    "slo": "slo",
    "symlink": "symlink",
    "versioned_writes": "versioned_writes\nallow_object_versioning = true",
}


def configured(place: Path, user: str, secret: str) -> None:
    """Write the files of all four servers."""
    (place / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_prefix = a\nswift_hash_path_suffix = b\n"
        "[storage-policy:0]\nname = one\ndefault = yes\n"
    )
    common = f"[DEFAULT]\nswift_dir = {place}\ndevices = {place}\nmount_check = false\nlog_level = ERROR\n"
    for name in STORES:
        text = f"[pipeline:main]\npipeline = {name}-server\n[app:{name}-server]\nuse = egg:swift#{name}\n"
        (place / f"{name}.conf").write_text(common + text)
    text = f"[pipeline:main]\npipeline = {' '.join(FILTERS)} proxy-server\n"
    text += "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n"
    for name, used in FILTERS.items():
        text += f"[filter:{name}]\nuse = egg:swift#{used.format(user=user.replace(':', '_'), secret=secret)}\n"
    (place / "proxy.conf").write_text(common + text)


def bound() -> socket.socket:
    """A socket of a store, on a port that is free."""
    return eventlet.listen(("127.0.0.1", 0))


def ring(place: Path, name: str, port: int) -> None:
    """All of this store on one device, which is the directory `device`."""
    builder = RingBuilder(0, 1, 1)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "device", "weight": 1})
    builder.rebalance()
    builder.get_ring().save(str(place / f"{name}.ring.gz"))


def main(place: Path, port: int, user: str, secret: str) -> None:
    """Serve until somebody ends the process."""
    (place / "device").mkdir(parents=True)
    configured(place, user, secret)
    set_swift_dir(str(place))
    stores = {name: bound() for name in STORES}
    for name, listener in stores.items():
        ring(place, name, listener.getsockname()[1])
    listeners = {**stores, "proxy": eventlet.listen(("127.0.0.1", port))}
    applications = {name: loadapp(str(place / f"{name}.conf")) for name in listeners}
    servers = [
        eventlet.spawn(wsgi.server, listener, applications[name], log_output=False, protocol=SwiftHttpProtocol)
        for name, listener in listeners.items()
    ]
    servers[-1].wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
