"""What goes with a deletion is named before it, all of it goes, and nothing else: what came in between stops it."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kansatsu.identity import totp

from .conftest import PASSWORD, Opens, Seen, Story, document
from .test_iam import TRUST

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def signing(days: int = 30) -> tuple[str, str]:
    """The public half of a key for SSH, and a certificate of it."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.com")])
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    now = datetime.now(UTC)
    made = made.not_valid_before(now - timedelta(days)).not_valid_after(now + timedelta(days))
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return public, made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def enable_device(iam: Any, user: str) -> str:
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=user)["VirtualMFADevice"]
    seed, step = made["Base32StringSeed"].decode(), int(time.time()) // totp.STEP
    codes = {f"AuthenticationCode{n}": totp.code(seed, step + n - 2) for n in (1, 2)}
    iam.enable_mfa_device(UserName=user, SerialNumber=made["SerialNumber"], **codes)
    return str(made["SerialNumber"])


def crowded_user(story: Story, name: str) -> dict[str, str]:
    """A user who has one of each thing that DeleteUser wants gone: words -> name."""
    iam = story.iam
    iam.create_user(UserName=name)
    iam.add_user_to_group(GroupName="developers", UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=story.team)
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document("s3:*"))
    iam.create_login_profile(UserName=name, Password=PASSWORD)
    public, certificate = signing()
    service = {"UserName": name, "ServiceName": "codecommit.amazonaws.com"}
    return {
        "group": "developers",
        "attached": "TeamAccess",
        "inline": "own",
        "password": "",
        "key": iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"],
        "ssh": iam.upload_ssh_public_key(UserName=name, SSHPublicKeyBody=public)["SSHPublicKey"]["SSHPublicKeyId"],
        "certificate": iam.upload_signing_certificate(UserName=name, CertificateBody=certificate)["Certificate"][
            "CertificateId"
        ],
        "service": iam.create_service_specific_credential(**service)["ServiceSpecificCredential"][
            "ServiceSpecificCredentialId"
        ],
        "device": enable_device(iam, name),
    }


def question(seen: Seen, *where: str) -> Any:
    """The dialog that asks, once it has named everything."""
    seen.open(*where)
    seen.button("delete").first.click()
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_text(seen.t("needed.nothing")).or_(dialog.get_by_role("listitem")).first.wait_for()
    return dialog


def named(dialog: Any) -> set[str]:
    return set(dialog.get_by_role("listitem").all_inner_texts())


def missing(operation: Any, **given: str) -> None:
    with pytest.raises(ClientError) as refused:
        operation(**given)
    assert refused.value.response["Error"]["Code"] == "NoSuchEntity"


def test_a_user_goes_with_everything_that_belongs_to_it(opens: Opens, story: Story) -> None:
    name = f"crowded-{uuid4().hex[:8]}"
    held = crowded_user(story, name)
    seen = opens("en")
    seen.sign_in()
    dialog = question(seen, "users", name)
    assert named(dialog) == {seen.t(f"needed.{what}", name=of) for what, of in held.items()}
    seen.confirm("delete")
    seen.text(seen.t("deleted", name=name)).wait_for()
    missing(story.iam.get_user, UserName=name)
    devices = story.iam.get_paginator("list_virtual_mfa_devices").paginate().build_full_result()
    assert held["device"] not in [one["SerialNumber"] for one in devices["VirtualMFADevices"]]
    # What others have too stays.
    assert story.iam.get_policy(PolicyArn=story.team)["Policy"]["PolicyName"] == "TeamAccess"
    assert "ana" in [one["UserName"] for one in story.iam.get_group(GroupName="developers")["Users"]]


def test_what_came_after_the_question_stops_it(opens: Opens, story: Story) -> None:
    name = f"raced-{uuid4().hex[:8]}"
    story.iam.create_user(UserName=name)
    story.iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document("s3:*"))
    seen = opens("ja")
    seen.sign_in()
    dialog = question(seen, "users", name)
    before = {seen.t("needed.inline", name="own")}
    assert named(dialog) == before
    key = story.iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    story.iam.attach_user_policy(UserName=name, PolicyArn=ADMIN)
    dialog.get_by_role("button", name=seen.t("delete"), exact=True).click()
    came = [seen.t("needed.key", name=key), seen.t("needed.attached", name="AdministratorAccess")]
    dialog.get_by_text(seen.t("error.changed", name=", ".join(came))).wait_for()
    # Nothing went, neither what was named; the question names all of it now.
    assert story.iam.list_user_policies(UserName=name)["PolicyNames"] == ["own"]
    assert len(story.iam.list_access_keys(UserName=name)["AccessKeyMetadata"]) == 1
    dialog.get_by_role("listitem").filter(has_text=key).wait_for()
    assert named(dialog) == before | set(came)
    seen.confirm("delete")
    seen.text(seen.t("deleted", name=name)).wait_for()
    missing(story.iam.get_user, UserName=name)


def test_a_role_goes_and_what_names_it_is_said(opens: Opens, story: Story) -> None:
    iam, ecs, name = story.iam, story.kansatsu.client("ecs"), f"worn-{uuid4().hex[:8]}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=ADMIN)
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document("s3:*"))
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    container = {"name": "app", "image": "app", "memory": 64}
    for family, given in ((f"as-{name}", {"taskRoleArn": arn}), (f"by-{name}", {"executionRoleArn": arn}), (name, {})):
        ecs.register_task_definition(family=family, containerDefinitions=[container], **given)
    seen = opens("en", "narrow")
    seen.sign_in()
    dialog = question(seen, "roles", name)
    taken = {"attached": "AdministratorAccess", "inline": "own", "profile": name}
    stays = [seen.t("needed.definition", name=f"{by}-{name}:1") for by in ("as", "by")]
    assert named(dialog) == {seen.t(f"needed.{what}", name=of) for what, of in taken.items()} | set(stays)
    assert dialog.get_by_text(seen.t("needed.left", n=2)).is_visible()
    seen.confirm("delete")
    seen.text(seen.t("deleted", name=name)).wait_for()
    missing(iam.get_role, RoleName=name)
    assert iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"] == []
    assert ecs.describe_task_definition(taskDefinition=f"as-{name}")["taskDefinition"]["taskRoleArn"] == arn


def test_a_group_goes_and_its_users_stay(opens: Opens, story: Story) -> None:
    iam, name = story.iam, f"team-{uuid4().hex[:8]}"
    iam.create_group(GroupName=name)
    iam.add_user_to_group(GroupName=name, UserName="ana")
    iam.attach_group_policy(GroupName=name, PolicyArn=story.team)
    iam.put_group_policy(GroupName=name, PolicyName="own", PolicyDocument=document("s3:*"))
    seen = opens("en")
    seen.sign_in()
    held = {"member": "ana", "attached": "TeamAccess", "inline": "own"}
    assert named(question(seen, "groups", name)) == {seen.t(f"needed.{what}", name=of) for what, of in held.items()}
    seen.confirm("delete")
    seen.text(seen.t("deleted", name=name)).wait_for()
    missing(iam.get_group, GroupName=name)
    assert iam.get_user(UserName="ana")["User"]["UserName"] == "ana"


def test_a_profile_goes_and_its_role_stays(opens: Opens, story: Story) -> None:
    iam, name = story.iam, f"held-{uuid4().hex[:8]}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    seen = opens("en")
    seen.sign_in()
    assert named(question(seen, "profiles", name)) == {seen.t("needed.role", name=name)}
    seen.confirm("delete")
    seen.text(seen.t("deleted", name=name)).wait_for()
    missing(iam.get_instance_profile, InstanceProfileName=name)
    assert iam.get_role(RoleName=name)["Role"]["RoleName"] == name


def test_a_policy_goes_with_versions_and_attachments_but_not_as_a_boundary(opens: Opens, story: Story) -> None:
    """Without its boundary somebody may more than before: nobody is set free by a deletion of something else."""
    iam, name = story.iam, f"Wide-{uuid4().hex[:8]}"
    arn = iam.create_policy(PolicyName=name, PolicyDocument=document("s3:*"))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("sqs:*"), SetAsDefault=True)
    iam.create_group(GroupName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    iam.create_user(UserName=name, PermissionsBoundary=arn)
    iam.attach_group_policy(GroupName=name, PolicyArn=arn)
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    seen = opens("en")
    seen.sign_in()
    kinds = ("user", "group", "role")
    gone = {seen.t(f"holder.{kind}", name=name) for kind in kinds}
    gone |= {seen.t("needed.version", name="v1")}
    bound = seen.t("bound.user", name=name)
    dialog = question(seen, "policies", quote(arn, safe=""))
    assert named(dialog) == gone | {bound}
    assert dialog.get_by_text(seen.t("needed.keeping", n=1)).is_visible()
    assert dialog.get_by_role("button", name=seen.t("delete"), exact=True).is_disabled()
    dialog.get_by_role("button", name=seen.t("cancel"), exact=True).click()
    iam.delete_user_permissions_boundary(UserName=name)
    assert named(question(seen, "policies", quote(arn, safe=""))) == gone
    seen.confirm("delete")
    seen.text(seen.t("deleted", name=name)).wait_for()
    missing(iam.get_policy, PolicyArn=arn)
    assert json.loads(TRUST) == iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
