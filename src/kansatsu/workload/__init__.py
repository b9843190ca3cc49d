"""Workloads: instances, their associations, the credentials due to each, and the engines that run them."""

from typing import TYPE_CHECKING

from kansatsu.later import later

if TYPE_CHECKING:
    from kansatsu.workload.associations import find_profile
    from kansatsu.workload.facade import PrivateGateway, Workload, WorkloadSettings
    from kansatsu.workload.fleet import Fleet, Handle, Member
    from kansatsu.workload.launch import LaunchRequest
    from kansatsu.workload.processes import RegisteredProcess
    from kansatsu.workload.providers import Container, Image, Process, Provider, ProviderError
    from kansatsu.workload.records import DEFAULT_METADATA, Association, Instance
else:
    __getattr__ = later(
        __name__,
        {
            "associations": "find_profile",
            "facade": "PrivateGateway Workload WorkloadSettings",
            "fleet": "Fleet Handle Member",
            "launch": "LaunchRequest",
            "processes": "RegisteredProcess",
            "providers": "Container Image Process Provider ProviderError",
            "records": "DEFAULT_METADATA Association Instance",
        },
    )

__all__ = [
    "DEFAULT_METADATA",
    "Association",
    "Container",
    "Fleet",
    "Handle",
    "Image",
    "Instance",
    "LaunchRequest",
    "Member",
    "PrivateGateway",
    "Process",
    "Provider",
    "ProviderError",
    "RegisteredProcess",
    "Workload",
    "WorkloadSettings",
    "find_profile",
]
