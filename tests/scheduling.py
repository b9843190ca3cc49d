"""Which tests share a worker of xdist, by their file.

xdist 3.8 would go by the mark xdist_group, which it writes into a test's id; since pytest 9.2 that is lost.
"""

import functools
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]


@functools.cache
def group(path: str) -> str | None:
    """The group of a file; None where each of its tests may go anywhere.

    Those that need root share one container engine, its networks and fixed addresses: one after another, beside all
    others. They mostly wait.
    """
    if "mark.root" in (ROOT / path).read_text():
        return "root"
    if path.startswith("tests/console/"):
        return "console"  # one server and one browser
    return path if path.startswith("tests/e2e/") else None  # a server of its own for each file


class ByGroup(LoadScopeScheduling):
    """Tests of one group go to one worker, all others to whichever is free; the largest groups first."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid.partition("::")[0]) or nodeid
