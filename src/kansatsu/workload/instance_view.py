"""An instance as its own metadata service sees it: made of the fleet and the issuer, asked anew for every request."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime

from kansatsu.identity import profiles
from kansatsu.workload.credentials import Issuer, instance_grant, profile_error
from kansatsu.workload.fleet import Fleet, Member
from kansatsu.workload.views import CredentialError, CredentialsState, Delivery, IamInfo, InstanceFacts, MetadataOptions


class FleetView:
    """`views.InstanceView` of one member."""

    def __init__(self, fleet: Fleet, issuer: Issuer, member: Member) -> None:
        self._fleet = fleet
        self._issuer = issuer
        self._member = member

    @property
    def id(self) -> str:
        return self._member.instance.id

    @property
    def account(self) -> str:
        return self._member.instance.account

    @property
    def region(self) -> str:
        return self._member.instance.region

    @property
    def options(self) -> MetadataOptions:
        return self._member.instance.details.metadata

    @property
    def tags(self) -> Mapping[str, str]:
        return self._fleet.tags.get(self.id, {})

    @property
    def facts(self) -> InstanceFacts:
        instance = self._member.instance
        details = instance.details
        return InstanceFacts(
            image_id=details.image_id,
            instance_type=details.instance_type,
            hostname=instance.private_dns or details.name,
            local_ipv4=details.private_ip,
            mac=details.mac,
            availability_zone=details.zone,
            launch_time=datetime.fromtimestamp(instance.launched, UTC),
            availability_zone_id=details.zone_id,
            reservation_id=details.reservation_id,
            launch_index=details.launch_index,
            subnet_id=details.subnet_id,
            vpc_id=details.vpc_id,
            interface_id=details.interface_id,
            security_groups=details.security_groups,
            architecture=details.architecture,
            user_data=base64.b64decode(details.user_data) if details.user_data else None,
        )

    def credentials(self, delivery: Delivery) -> CredentialsState:
        association = self._member.association
        if association is None:
            return None
        profile = self._profile(association.profile_id)
        if error := profile_error(profile, self._changed()):
            return error
        assert profile is not None and profile.role_id  # noqa: S101 - profile_error says so
        instance = self._member.instance
        grant = instance_grant(instance, association, profile.role_id, delivery)
        return self._issuer.credentials(f"{instance.id}/{delivery}", grant)

    def iam_info(self) -> IamInfo | None:
        association = self._member.association
        if association is None:
            return None
        state = self.credentials("2.0")
        identifiers = {"instance_profile_arn": association.profile_arn, "instance_profile_id": association.profile_id}
        if not isinstance(state, CredentialError):
            return IamInfo("Success", state.last_updated if state else self._changed(), **identifiers)
        # The profile itself is all right when its role is what is refused.
        code = "Success" if state.code == "AssumeRoleUnauthorizedAccess" else state.code
        if code != "Success":
            return IamInfo(code, state.last_updated, message=state.message)
        return IamInfo(code, state.last_updated, message=state.message, **identifiers)

    def _profile(self, profile_id: str) -> profiles.Profile | None:
        with self._fleet.store.read() as conn:
            return profiles.by_id(conn, profile_id)

    def _changed(self) -> datetime:
        association = self._member.association
        moment = association.changed if association else self._member.instance.launched
        return datetime.fromtimestamp(moment, UTC)
