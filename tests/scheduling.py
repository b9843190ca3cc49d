"""Which tests share a worker of xdist, by their file.

xdist 3.8 would go by the mark xdist_group, which it writes into a test's id; since pytest 9.2 that is lost.
"""

from xdist.scheduler import LoadScopeScheduling

# Files by the beginning of their path, the first that fits: the group, or "" where each file is one of its own.
GROUPS = {
    "tests/console/": "console",  # one server and one browser
    # One container engine.
    "tests/delivery/test_containers_real.py": "containers",
    "tests/workload/test_engine.py": "containers",
    "tests/e2e/test_agent.py": "containers",
    "tests/e2e/test_instance_": "containers",
    "tests/e2e/test_revocation.py": "containers",
    "tests/e2e/test_run_instances.py": "containers",
    "tests/e2e/test_service_story.py": "containers",
    "tests/e2e/test_task_story.py": "containers",
    "tests/e2e/": "",  # a server of its own for each file
}


class ByGroup(LoadScopeScheduling):
    """Tests of one group go to one worker, all others to whichever is free."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        found = next((group for prefix, group in GROUPS.items() if path.startswith(prefix)), nodeid)
        return found or path
