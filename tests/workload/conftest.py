"""The workload tests run on the same account as those of the EC2 operations."""

from services.conftest import clock, refused
from services.ec2_world import cloud

__all__ = ["clock", "cloud", "refused"]
