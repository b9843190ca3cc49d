"""The workload tests run on the same account as those of the EC2 operations."""

import pytest

from services.conftest import clock, refused
from services.ec2_world import cloud

__all__ = ["clock", "cloud", "refused"]


@pytest.fixture
def store_url() -> str:
    """What open_store() takes: these tests are not about the database."""
    return ""
