"""What EC2 operations are authorized on: ARNs, and the condition keys that belong to each resource.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress

from kansatsu import arn
from kansatsu.catalog import Authorization
from kansatsu.catalog.tags import of_pairs
from kansatsu.errors import AwsError
from kansatsu.identity.profiles import Profile
from kansatsu.services.passing import passing
from kansatsu.services.registry import Call, Params
from kansatsu.workload import Member, find_profile

Context = dict[str, str | tuple[str, ...]]
# What every instance here has in common: it is a container.
CONTAINER: Context = {
    "ec2:ebsoptimized": "false",
    "ec2:instancemarkettype": "on-demand",
    "ec2:rootdevicetype": "instance-store",
    "ec2:tenancy": "default",
}


def ec2_arn(call: Call, resource: str, *, account: str | None = None) -> str:
    """An ARN of EC2 in the region of the call. Images have no account in theirs."""
    owner = call.account if account is None else account
    return f"arn:{arn.PARTITION}:ec2:{call.region}:{owner}:{resource}"


def member_of(call: Call, instance_id: str) -> Member | None:
    """The caller's own instance of that id, else None."""
    member = call.workload.fleet.find(instance_id)
    if member is None or (member.instance.account, member.instance.region) != (call.account, call.region):
        return None
    return member


def instance_context(call: Call, member: Member | None) -> Context:
    """Condition keys of an instance that exists."""
    if member is None:
        return {"ec2:region": call.region}
    instance = member.instance
    options = instance.details.metadata
    context: Context = {
        "ec2:region": instance.region,
        "ec2:instanceid": instance.id,
        "ec2:instancetype": instance.details.instance_type,
        "ec2:availabilityzone": instance.details.zone,
        **CONTAINER,
        "ec2:instancemetadatatags": options.instance_metadata_tags,
        "ec2:metadatahttptokens": options.http_tokens,
        "ec2:metadatahttpendpoint": options.http_endpoint,
        "ec2:metadatahttpputresponsehoplimit": str(options.hop_limit),
    }
    if member.association is not None:
        context["ec2:instanceprofile"] = member.association.profile_arn
    return context | resource_tags(call.workload.fleet.tags.get(instance.id, {}))


def resource_tags(tags: Mapping[str, str]) -> Context:
    """The tags of an existing resource, under both of their names."""
    return of_pairs("aws:resourcetag/", tags.items()) | of_pairs("ec2:resourcetag/", tags.items())


def instances(action: str) -> Callable[[Call, Params], Iterator[Authorization]]:
    """Authorization of `action` on each instance that the request names by InstanceId or InstanceIds."""

    def checks(call: Call, params: Params) -> Iterator[Authorization]:
        for instance_id in params.get("InstanceIds") or [params["InstanceId"]]:
            yield one_instance(call, action, instance_id)

    return checks


def one_instance(call: Call, action: str, instance_id: str, more: Context | None = None) -> Authorization:
    """Authorization of `action` on one instance."""
    context = instance_context(call, member_of(call, instance_id)) | (more or {})
    return Authorization(f"ec2:{action}", ec2_arn(call, f"instance/{instance_id}"), context, True)


def profile_named(call: Call, wanted: Mapping[str, str]) -> Profile | None:
    """The profile in a request, None when there is none: then the operation itself says what is wrong with it,
    and only to those who may call it."""
    with suppress(AwsError):
        return find_profile(call.conn, call.account, wanted)
    return None


def pass_role(call: Call, profile: Profile | None, instance_arn: str) -> Iterable[Authorization]:
    """The check that handing an instance a profile takes.

    INVARIANT: a profile is worth the role in it, so whoever hands it to an instance must be allowed to pass that role.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    if profile is None or not profile.role_id:
        return  # AddRoleToInstanceProfile asks for iam:PassRole when a role comes in
    role = call.store.snapshot().entity(profile.role_id)
    if role is None:
        return
    yield passing(role, role.arn, "ec2.amazonaws.com", instance_arn)
