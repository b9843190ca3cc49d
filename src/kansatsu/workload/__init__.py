"""Workloads: instances, their associations, the credentials due to each, and the engines that run them."""

from kansatsu.workload.facade import Workload, WorkloadSettings
from kansatsu.workload.fleet import Fleet, Handle, Member
from kansatsu.workload.providers import Container, Image, Process, Provider, ProviderError
from kansatsu.workload.records import Association, Instance

__all__ = [
    "Association",
    "Container",
    "Fleet",
    "Handle",
    "Image",
    "Instance",
    "Member",
    "Process",
    "Provider",
    "ProviderError",
    "Workload",
    "WorkloadSettings",
]
