"""Service-linked roles: made by AWS's template, changed by nobody, deleted by a task, and known for every service."""

import json
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kansatsu.catalog.linked_roles import linked_roles
from kansatsu.identity import aws_managed, schema
from kansatsu.workload.tasks import documents
from kansatsu.workload.tasks.service import Service, new_deployment

from .conftest import ACCOUNT, EC2_TRUST, POLICY, REGION, World

Refused = Callable[..., str]
ECS = "ecs.amazonaws.com"
REFERENCE = "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/"
AWSDOCS = "https://github.com/awsdocs/"  # the same guides, as AWS published their text
CHINA = "https://docs.amazonaws.cn/"  # the same guides, of whose pages not all are stored under the other address
NAME = "AWSServiceRoleForECS"
ARN = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{ECS}/{NAME}"
HELD = f"Cannot perform the operation on the protected role '{NAME}' - this role is only modifiable by AWS"


def test_every_template_hangs_on_a_policy_for_such_roles() -> None:
    policies = {info.arn for info in aws_managed.all() if info.path == "/aws-service-role/"}
    assert {template.policy_arn for template in linked_roles().values()} <= policies
    assert all(template.name.startswith("AWSServiceRoleFor") for template in linked_roles().values())


def test_templates_agree_with_what_policies_of_aws_say() -> None:
    """Their resources are role/aws-service-role/PRINCIPAL/NAME, some with a * at the end."""
    said = defaultdict(set)
    for info in aws_managed.all():
        text = aws_managed.document(info.arn) or ""
        for principal, name in re.findall(r"aws-service-role/([a-z0-9.-]+)/(AWSServiceRole[\w-]+)", text):
            said[principal].add(name.rstrip("_"))
    known = linked_roles()
    both = {principal: names for principal, names in said.items() if principal in known}
    wrong = {p: n for p, n in both.items() if not any(known[p].name.startswith(name) for name in n)}
    assert wrong == {}
    # Two that the services' guides call by another name than the policies do.
    assert set(said) - set(known) == {"redshift-data.amazonaws.com", "rum.amazonaws.com"}


def test_every_line_has_the_page_of_aws_that_proves_it() -> None:
    """Where it is that of a managed policy, its document is here, and names the service."""
    known = linked_roles()
    pages = {principal: role.page for principal, role in known.items()}
    assert all(page.startswith(("https://docs.aws.amazon.com/", CHINA, AWSDOCS)) for page in pages.values())
    assert len(pages) == 318
    policies = {f"{REFERENCE}{info.name}.html": info.arn for info in aws_managed.all()}
    told = {each: policies[page] for each, page in pages.items() if page.startswith(REFERENCE)}
    assert len(told) > 140
    assert [
        each for each, arn in told.items() if f'"{each}"' not in names_in(arn) and f"/{each}/" not in names_in(arn)
    ] == []


def names_in(arn: str) -> str:
    return aws_managed.document(arn) or ""


def test_every_policy_for_such_a_role_has_one_or_is_known_to_have_none() -> None:
    """Those of the file: no page was found that tells of which service they are, or none was looked for."""
    used = {template.policy_arn.rpartition("/")[2] for template in linked_roles().values()}
    without = Path(__file__).with_name("linked_policies_without_a_role.txt").read_text().split()
    assert without == sorted(set(without))
    policies = {info.name for info in aws_managed.all() if info.path == "/aws-service-role/"}
    assert policies - used == set(without)


def test_a_role_is_made_by_its_template(world: World, iam: Any, refused: Refused) -> None:
    made = iam.create_service_linked_role(AWSServiceName=ECS, Description="mine")["Role"]
    assert (made["Arn"], made["Path"], made["Description"]) == (ARN, f"/aws-service-role/{ECS}/", "mine")
    assert made["AssumeRolePolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Principal": {"Service": ECS}, "Action": "sts:AssumeRole"}
    ]
    policy = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"
    assert [one["PolicyArn"] for one in iam.list_attached_role_policies(RoleName=NAME)["AttachedPolicies"]] == [policy]
    # Its effect: a session of the service has what AWS's policy grants, and not more.
    record = world.store.snapshot().find(ACCOUNT, "role", NAME)
    assert record is not None
    granted = world.store.snapshot().policies(record.id).identity
    assert granted.may_allow("elasticloadbalancing:RegisterTargets")
    assert not granted.may_allow("iam:CreateUser")
    assert "has been taken" in refused("InvalidInput", iam.create_service_linked_role, AWSServiceName=ECS)


def test_suffixes_are_for_services_that_have_them(iam: Any, refused: Refused) -> None:
    suffixed = {"AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": "blue"}
    assert iam.create_service_linked_role(**suffixed)["Role"]["RoleName"] == "AWSServiceRoleForAutoScaling_blue"
    assert refused("InvalidInput", iam.create_service_linked_role, AWSServiceName=ECS, CustomSuffix="blue") == (
        f"Custom suffix is not allowed for {ECS}"
    )
    refused("InvalidInput", iam.create_service_linked_role, AWSServiceName="nothing.amazonaws.com")
    refused("ValidationError", iam.create_role, RoleName="r", Path=f"/aws-service-role/{ECS}/",
            AssumeRolePolicyDocument=json.dumps(EC2_TRUST))  # fmt: skip


def test_attack_a_name_that_no_operation_takes(iam: Any, refused: Refused) -> None:
    """The suffix may have 64 characters, and so may the whole name: nobody could ever delete such a role."""
    service = {"AWSServiceName": "autoscaling.amazonaws.com"}
    room = 64 - len("AWSServiceRoleForAutoScaling_")
    for suffix in ("x" * (room + 1), "x" * 64):
        assert refused("InvalidInput", iam.create_service_linked_role, **service, CustomSuffix=suffix) == (
            f"Service role name AWSServiceRoleForAutoScaling_{suffix} is longer than 64 characters, please try a "
            "shorter suffix."
        )
    name = iam.create_service_linked_role(**service, CustomSuffix="x" * room)["Role"]["RoleName"]
    assert len(name) == 64
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def test_nobody_changes_one(iam: Any, refused: Refused) -> None:
    iam.create_service_linked_role(AWSServiceName=ECS)
    iam.create_instance_profile(InstanceProfileName="p")
    own = {"RoleName": NAME}
    text = json.dumps(POLICY)
    policy = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    cases = [
        ("UnmodifiableEntity", iam.attach_role_policy, {"PolicyArn": policy}),
        ("UnmodifiableEntity", iam.detach_role_policy, {"PolicyArn": policy}),
        ("UnmodifiableEntity", iam.put_role_policy, {"PolicyName": "x", "PolicyDocument": text}),
        ("UnmodifiableEntity", iam.delete_role_policy, {"PolicyName": "x"}),
        ("UnmodifiableEntity", iam.delete_role, {}),
        ("UnmodifiableEntity", iam.update_role, {"MaxSessionDuration": 7200}),
        ("UnmodifiableEntity", iam.update_assume_role_policy, {"PolicyDocument": json.dumps(EC2_TRUST)}),
        ("UnmodifiableEntity", iam.put_role_permissions_boundary, {"PermissionsBoundary": policy}),
        ("UnmodifiableEntity", iam.delete_role_permissions_boundary, {}),
        ("UnmodifiableEntity", iam.add_role_to_instance_profile, {"InstanceProfileName": "p"}),
        ("UnmodifiableEntity", iam.remove_role_from_instance_profile, {"InstanceProfileName": "p"}),
    ]
    for code, operation, params in cases:
        assert refused(code, operation, **own, **params) == HELD
    iam.update_role(**own, Description="another")
    iam.update_role_description(**own, Description="a third")
    assert iam.get_role(**own)["Role"]["Description"] == "a third"


def test_one_is_deleted_by_a_task(iam: Any, refused: Refused) -> None:
    iam.create_service_linked_role(AWSServiceName=ECS)
    task = iam.delete_service_linked_role(RoleName=NAME)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/{ECS}/{NAME}/")
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    refused("NoSuchEntity", iam.get_role, RoleName=NAME)
    refused("NoSuchEntity", iam.delete_service_linked_role, RoleName=NAME)
    iam.create_role(RoleName="own", AssumeRolePolicyDocument=json.dumps(EC2_TRUST))
    refused("NoSuchEntity", iam.delete_service_linked_role, RoleName="own")
    refused("InvalidInput", iam.get_service_linked_role_deletion_status, DeletionTaskId="task/x")
    other = task[:-1] + ("0" if task[-1] != "0" else "1")
    refused("NoSuchEntity", iam.get_service_linked_role_deletion_status, DeletionTaskId=other)


def test_one_in_use_is_not_deleted(world: World, iam: Any) -> None:
    iam.create_service_linked_role(AWSServiceName=ECS)
    deployment = new_deployment("web", 1, 0.0)
    service = Service("1" * 32, ACCOUNT, REGION, "default", "web", 0.0, "arn", 1, (deployment,))
    with world.store.write() as conn:
        documents.save(conn, schema.service, service, new=True)
    task = iam.delete_service_linked_role(RoleName=NAME)["DeletionTaskId"]
    told = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    assert told["Status"] == "FAILED"
    assert told["Reason"]["RoleUsageList"] == [{"Region": REGION, "Resources": [service.arn]}]
    assert iam.get_role(RoleName=NAME)["Role"]["Arn"] == ARN
