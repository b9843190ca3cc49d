"""Errors that AWS's model declares, one row each: what provokes them, and that nothing is changed by the attempt."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, EC2_TRUST, POLICY, TestClock, World
from .test_iam_credentials import KEYS, certified, pem, ssh
from .test_iam_saml import metadata

TRUST, DOCUMENT = json.dumps(EC2_TRUST), json.dumps(POLICY)
IAM = f"arn:aws:iam::{ACCOUNT}"
NONE = "arn:aws:iam::aws:policy/NoSuchPolicy"
BAD = "arn:aws:s3:::not-a-policy"
LINKED = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"
HUGE = json.dumps(POLICY | {"Statement": [POLICY["Statement"][0] | {"Sid": "x" * 11000}]})  # type: ignore[index]
USER, GROUP, ROLE, PROFILE = {"UserName": "u"}, {"GroupName": "g"}, {"RoleName": "r"}, {"InstanceProfileName": "p"}
NO_USER, NO_GROUP, NO_ROLE = {"UserName": "nobody"}, {"GroupName": "nobody"}, {"RoleName": "nobody"}
NO_PROFILE = {"InstanceProfileName": "nobody"}
OWN = {"PolicyArn": f"{IAM}:policy/own"}
GONE = {"PolicyArn": f"{IAM}:policy/gone"}
OIDC, SAML = f"{IAM}:oidc-provider/gone.example", f"{IAM}:saml-provider/gone"
TAG, KEY = {"Tags": [{"Key": "one-more", "Value": ""}]}, {"TagKeys": ["k"]}
MANY = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
IDP = {"OpenIDConnectProviderArn": f"{IAM}:oidc-provider/idp.example"}
TEMPLATE = {"TemplateArn": "arn:aws:iam::aws:role-template/lambda.amazonaws.com/Basic:1"}
TWICE = {"Tags": [{"Key": "team", "Value": "a"}, {"Key": "Team", "Value": "b"}]}
MFA, SERVER = {"SerialNumber": f"{IAM}:mfa/m"}, {"ServerCertificateName": "c"}
JOB = {"JobId": "01234567-89ab-cdef-0123-456789abcdef"}

CASES: list[tuple[str, str, dict[str, Any]]] = [
    # ---- nobody and nothing
    ("NoSuchEntity", "create_access_key", NO_USER),
    ("NoSuchEntity", "create_service_specific_credential", {**NO_USER, "ServiceName": "codecommit.amazonaws.com"}),
    ("NoSuchEntity", "delete_user", NO_USER),
    ("NoSuchEntity", "delete_group", NO_GROUP),
    ("NoSuchEntity", "delete_role", NO_ROLE),
    ("NoSuchEntity", "delete_instance_profile", NO_PROFILE),
    ("NoSuchEntity", "delete_user_permissions_boundary", USER),
    ("NoSuchEntity", "delete_role_permissions_boundary", ROLE),
    ("NoSuchEntity", "delete_policy", GONE),
    ("NoSuchEntity", "delete_policy_version", {**GONE, "VersionId": "v1"}),
    ("NoSuchEntity", "create_policy_version", {**GONE, "PolicyDocument": DOCUMENT}),
    ("NoSuchEntity", "set_default_policy_version", {**OWN, "VersionId": "v9"}),
    ("NoSuchEntity", "enable_mfa_device", {
        **NO_USER, "SerialNumber": f"{IAM}:mfa/x", "AuthenticationCode1": "123456", "AuthenticationCode2": "123456",
    }),
    ("NoSuchEntity", "resync_mfa_device", {
        **USER, "SerialNumber": f"{IAM}:mfa/x", "AuthenticationCode1": "123456", "AuthenticationCode2": "123456",
    }),
    ("NoSuchEntity", "get_instance_profile", NO_PROFILE),
    ("NoSuchEntity", "get_mfa_device", {"SerialNumber": f"{IAM}:mfa/gone"}),
    ("NoSuchEntity", "get_ssh_public_key", {**USER, "SSHPublicKeyId": "A" * 20, "Encoding": "SSH"}),
    ("NoSuchEntity", "get_service_last_accessed_details", JOB),
    ("NoSuchEntity", "get_service_last_accessed_details_with_entities", {**JOB, "ServiceNamespace": "s3"}),
    ("NoSuchEntity", "get_context_keys_for_principal_policy", {"PolicySourceArn": f"{IAM}:user/nobody"}),
    ("NoSuchEntity", "list_policies_granting_service_access", {
        "Arn": f"{IAM}:user/nobody", "ServiceNamespaces": ["s3"],
    }),
    ("NoSuchEntity", "list_access_keys", NO_USER),
    ("NoSuchEntity", "list_mfa_devices", NO_USER),
    ("NoSuchEntity", "list_ssh_public_keys", NO_USER),
    ("NoSuchEntity", "list_service_specific_credentials", NO_USER),
    ("NoSuchEntity", "list_signing_certificates", NO_USER),
    ("NoSuchEntity", "list_groups_for_user", NO_USER),
    ("NoSuchEntity", "list_user_policies", NO_USER),
    ("NoSuchEntity", "list_group_policies", NO_GROUP),
    ("NoSuchEntity", "list_role_policies", NO_ROLE),
    ("NoSuchEntity", "list_attached_user_policies", NO_USER),
    ("NoSuchEntity", "list_attached_group_policies", NO_GROUP),
    ("NoSuchEntity", "list_attached_role_policies", NO_ROLE),
    ("NoSuchEntity", "list_instance_profiles_for_role", NO_ROLE),
    ("NoSuchEntity", "list_entities_for_policy", GONE),
    ("NoSuchEntity", "list_policy_versions", GONE),
    ("NoSuchEntity", "list_user_tags", NO_USER),
    ("NoSuchEntity", "list_role_tags", NO_ROLE),
    ("NoSuchEntity", "list_policy_tags", GONE),
    ("NoSuchEntity", "list_instance_profile_tags", NO_PROFILE),
    ("NoSuchEntity", "list_mfa_device_tags", {"SerialNumber": f"{IAM}:mfa/gone"}),
    ("NoSuchEntity", "list_server_certificate_tags", {"ServerCertificateName": "gone"}),
    ("NoSuchEntity", "list_open_id_connect_provider_tags", {"OpenIDConnectProviderArn": OIDC}),
    ("NoSuchEntity", "list_saml_provider_tags", {"SAMLProviderArn": SAML}),
    ("NoSuchEntity", "tag_user", {**NO_USER, **TAG}),
    ("NoSuchEntity", "tag_role", {**NO_ROLE, **TAG}),
    ("NoSuchEntity", "tag_policy", {**GONE, **TAG}),
    ("NoSuchEntity", "tag_instance_profile", {**NO_PROFILE, **TAG}),
    ("NoSuchEntity", "tag_mfa_device", {"SerialNumber": f"{IAM}:mfa/gone", **TAG}),
    ("NoSuchEntity", "tag_server_certificate", {"ServerCertificateName": "gone", **TAG}),
    ("NoSuchEntity", "tag_open_id_connect_provider", {"OpenIDConnectProviderArn": OIDC, **TAG}),
    ("NoSuchEntity", "tag_saml_provider", {"SAMLProviderArn": SAML, **TAG}),
    ("NoSuchEntity", "untag_user", {**NO_USER, **KEY}),
    ("NoSuchEntity", "untag_role", {**NO_ROLE, **KEY}),
    ("NoSuchEntity", "untag_policy", {**GONE, **KEY}),
    ("NoSuchEntity", "untag_instance_profile", {**NO_PROFILE, **KEY}),
    ("NoSuchEntity", "untag_mfa_device", {"SerialNumber": f"{IAM}:mfa/gone", **KEY}),
    ("NoSuchEntity", "untag_server_certificate", {"ServerCertificateName": "gone", **KEY}),
    ("NoSuchEntity", "untag_open_id_connect_provider", {"OpenIDConnectProviderArn": OIDC, **KEY}),
    ("NoSuchEntity", "untag_saml_provider", {"SAMLProviderArn": SAML, **KEY}),
    ("NoSuchEntity", "put_user_permissions_boundary", {**USER, "PermissionsBoundary": NONE}),
    ("NoSuchEntity", "put_role_permissions_boundary", {**ROLE, "PermissionsBoundary": NONE}),
    ("NoSuchEntity", "remove_role_from_instance_profile", {**NO_PROFILE, **ROLE}),
    ("NoSuchEntity", "add_role_to_instance_profile", {**NO_PROFILE, **ROLE}),
    ("NoSuchEntity", "remove_client_id_from_open_id_connect_provider", {
        "OpenIDConnectProviderArn": OIDC, "ClientID": "x",
    }),
    ("NoSuchEntity", "update_open_id_connect_provider_thumbprint", {
        "OpenIDConnectProviderArn": OIDC, "ThumbprintList": ["a" * 40],
    }),
    ("NoSuchEntity", "reset_service_specific_credential", {**USER, "ServiceSpecificCredentialId": "A" * 20}),
    ("NoSuchEntity", "update_service_specific_credential", {
        **USER, "ServiceSpecificCredentialId": "A" * 20, "Status": "Inactive",
    }),
    ("NoSuchEntity", "update_ssh_public_key", {**USER, "SSHPublicKeyId": "A" * 20, "Status": "Inactive"}),
    ("NoSuchEntity", "update_signing_certificate", {**USER, "CertificateId": "A" * 24, "Status": "Inactive"}),
    ("NoSuchEntity", "update_server_certificate", {"ServerCertificateName": "gone", "NewPath": "/"}),
    ("NoSuchEntity", "update_assume_role_policy", {**NO_ROLE, "PolicyDocument": TRUST}),
    ("NoSuchEntity", "update_role", {**NO_ROLE, "Description": ""}),
    ("NoSuchEntity", "update_role_description", {**NO_ROLE, "Description": ""}),
    ("NoSuchEntity", "update_user", {**NO_USER, "NewPath": "/"}),
    ("NoSuchEntity", "update_group", {**NO_GROUP, "NewPath": "/"}),
    ("NoSuchEntity", "upload_ssh_public_key", {**NO_USER, "SSHPublicKeyBody": ssh(KEYS[0])}),
    ("NoSuchEntity", "upload_signing_certificate", {**NO_USER, "CertificateBody": certified(KEYS[0])}),
    ("NoSuchEntity", "update_open_id_connect_provider", {
        "OpenIDConnectProviderArn": OIDC, "RemoveContextProvider": True,
    }),
    ("NoSuchEntity", "generate_service_last_accessed_details", {"Arn": f"{IAM}:user/nobody"}),
    ("NoSuchEntity", "get_organizations_access_report", JOB),
    ("NoSuchEntity", "acquire_role", TEMPLATE),
    ("NoSuchEntity", "get_role_template_version", TEMPLATE),
    # ---- what there is already
    ("EntityAlreadyExists", "update_user", {**USER, "NewUserName": "other"}),
    ("EntityAlreadyExists", "update_group", {**GROUP, "NewGroupName": "other"}),
    ("EntityAlreadyExists", "update_server_certificate", {
        "ServerCertificateName": "c", "NewServerCertificateName": "other",
    }),
    ("LimitExceeded", "add_role_to_instance_profile", {**PROFILE, **ROLE}),
    # ---- what cannot be
    ("InvalidInput", "attach_user_policy", {**USER, "PolicyArn": BAD}),
    ("InvalidInput", "attach_group_policy", {**GROUP, "PolicyArn": BAD}),
    ("InvalidInput", "attach_role_policy", {**ROLE, "PolicyArn": BAD}),
    ("InvalidInput", "put_user_permissions_boundary", {**USER, "PermissionsBoundary": BAD}),
    ("InvalidInput", "put_role_permissions_boundary", {**ROLE, "PermissionsBoundary": BAD}),
    ("InvalidInput", "get_policy", {"PolicyArn": BAD}),
    *(
        ("InvalidInput", operation, {"PolicyArn": BAD, **more})
        for operation, more in (
            ("create_policy_version", {"PolicyDocument": DOCUMENT}),
            ("delete_policy", {}),
            ("delete_policy_version", {"VersionId": "v1"}),
            ("detach_group_policy", GROUP),
            ("detach_role_policy", ROLE),
            ("detach_user_policy", USER),
            ("get_policy_version", {"VersionId": "v1"}),
            ("list_entities_for_policy", {}),
            ("list_policy_tags", {}),
            ("list_policy_versions", {}),
            ("set_default_policy_version", {"VersionId": "v1"}),
            ("tag_policy", TAG),
            ("untag_policy", KEY),
        )
    ),
    ("InvalidInput", "acquire_role", {"TemplateArn": BAD}),
    ("InvalidInput", "get_role_template_version", {"TemplateArn": BAD}),
    *(
        ("InvalidInput", "put_account_properties", {"Properties": properties})
        for properties in ({"RoleManager/Enabled": "true"}, {"A/b": "1", "C/d": "2"}, {"A": "1"}, {"A/b/c": "1"})
    ),
    *(
        ("InvalidInput", "update_open_id_connect_provider", {**IDP, **asked})
        for asked in ({}, {"RemoveContextProvider": True}, {"RemoveIdentityCenterInstance": True})
    ),
    ("InvalidInput", "list_saml_provider_tags", {"SAMLProviderArn": BAD}),
    ("InvalidInput", "tag_saml_provider", {"SAMLProviderArn": BAD, **TAG}),
    ("InvalidInput", "untag_saml_provider", {"SAMLProviderArn": BAD, **KEY}),
    ("PolicyNotAttachable", "attach_user_policy", {**USER, "PolicyArn": LINKED}),
    ("PolicyNotAttachable", "attach_group_policy", {**GROUP, "PolicyArn": LINKED}),
    ("PolicyNotAttachable", "attach_role_policy", {**ROLE, "PolicyArn": LINKED}),
    ("MalformedPolicyDocument", "put_user_policy", {**USER, "PolicyName": "x", "PolicyDocument": "{"}),
    ("MalformedPolicyDocument", "put_group_policy", {**GROUP, "PolicyName": "x", "PolicyDocument": "{"}),
    ("MalformedPolicyDocument", "put_role_policy", {**ROLE, "PolicyName": "x", "PolicyDocument": "{"}),
    ("LimitExceeded", "put_user_policy", {**USER, "PolicyName": "x", "PolicyDocument": HUGE}),
    ("LimitExceeded", "put_group_policy", {**GROUP, "PolicyName": "x", "PolicyDocument": HUGE}),
    ("LimitExceeded", "put_role_policy", {**ROLE, "PolicyName": "x", "PolicyDocument": HUGE}),
    ("MalformedCertificate", "upload_signing_certificate", {**USER, "CertificateBody": "none"}),
    ("MalformedCertificate", "upload_server_certificate", {
        "ServerCertificateName": "d", "CertificateBody": "none", "PrivateKey": pem(KEYS[0]),
    }),
    ("KeyPairMismatch", "upload_server_certificate", {
        "ServerCertificateName": "d", "CertificateBody": certified(KEYS[0]), "PrivateKey": pem(KEYS[1]),
    }),
    # ---- keys of tags that differ by case alone, or are AWS's own
    *(
        ("InvalidInput", operation, {**named, **TWICE})
        for operation, named in (
            ("create_instance_profile", {"InstanceProfileName": "new"}),
            ("create_policy", {"PolicyName": "new", "PolicyDocument": DOCUMENT}),
            ("create_role", {"RoleName": "new", "AssumeRolePolicyDocument": TRUST}),
            ("create_user", {"UserName": "new"}),
            ("create_virtual_mfa_device", {"VirtualMFADeviceName": "new"}),
            ("tag_instance_profile", PROFILE),
            ("tag_mfa_device", MFA),
            ("tag_role", ROLE),
            ("tag_server_certificate", SERVER),
            ("tag_user", USER),
            ("upload_server_certificate", {
                "ServerCertificateName": "new", "CertificateBody": certified(KEYS[0]), "PrivateKey": pem(KEYS[0]),
            }),
        )
    ),
    *(
        ("InvalidInput", operation, {**named, "TagKeys": ["aws:k"]})
        for operation, named in (
            ("untag_instance_profile", PROFILE),
            ("untag_mfa_device", MFA),
            ("untag_role", ROLE),
            ("untag_server_certificate", SERVER),
            ("untag_user", USER),
        )
    ),
    # ---- what is no ARN of such a thing
    *(
        ("InvalidInput", operation, {"OpenIDConnectProviderArn": BAD, **more})
        for operation, more in (
            ("add_client_id_to_open_id_connect_provider", {"ClientID": "c"}),
            ("delete_open_id_connect_provider", {}),
            ("get_open_id_connect_provider", {}),
            ("list_open_id_connect_provider_tags", {}),
            ("remove_client_id_from_open_id_connect_provider", {"ClientID": "c"}),
            ("tag_open_id_connect_provider", TAG),
            ("untag_open_id_connect_provider", KEY),
            ("update_open_id_connect_provider_thumbprint", {"ThumbprintList": ["0" * 40]}),
        )
    ),
    ("InvalidInput", "generate_service_last_accessed_details", {"Arn": BAD}),
    ("InvalidInput", "get_context_keys_for_custom_policy", {"PolicyInputList": ["{"]}),
    ("InvalidInput", "get_context_keys_for_principal_policy", {"PolicySourceArn": BAD}),
    ("InvalidInput", "simulate_principal_policy", {"PolicySourceArn": BAD, "ActionNames": ["s3:GetObject"]}),
    ("InvalidInput", "list_policies_granting_service_access", {
        "Arn": f"{IAM}:user/u", "ServiceNamespaces": ["no-such-service"],
    }),
    ("PolicyNotAttachable", "put_user_permissions_boundary", {**USER, "PermissionsBoundary": LINKED}),
    ("PolicyNotAttachable", "put_role_permissions_boundary", {**ROLE, "PermissionsBoundary": LINKED}),
    ("PolicyNotAttachable", "create_user", {"UserName": "new", "PermissionsBoundary": LINKED}),
    # ---- more tags than there may be
    ("LimitExceeded", "tag_user", {**USER, **TAG}),
    ("LimitExceeded", "tag_role", {**ROLE, **TAG}),
    ("LimitExceeded", "tag_policy", {**OWN, **TAG}),
    ("LimitExceeded", "tag_instance_profile", {**PROFILE, **TAG}),
    ("LimitExceeded", "tag_mfa_device", {"SerialNumber": f"{IAM}:mfa/m", **TAG}),
    ("LimitExceeded", "tag_server_certificate", {"ServerCertificateName": "c", **TAG}),
    ("LimitExceeded", "tag_open_id_connect_provider", {
        "OpenIDConnectProviderArn": f"{IAM}:oidc-provider/idp.example", **TAG,
    }),
    ("LimitExceeded", "tag_saml_provider", {"SAMLProviderArn": f"{IAM}:saml-provider/s", **TAG}),
    # ---- what holds back
    ("DeleteConflict", "delete_group", GROUP),
]  # fmt: skip


@pytest.fixture
def furnished(world: World, clock: TestClock) -> Any:
    iam = world.iam
    for name in ("u", "other"):
        iam.create_user(UserName=name, Tags=MANY)
        iam.create_group(GroupName="g" if name == "u" else name)
        iam.upload_server_certificate(
            ServerCertificateName="c" if name == "u" else name, CertificateBody=certified(KEYS[0]),
            PrivateKey=pem(KEYS[0]), Tags=MANY,
        )  # fmt: skip
    iam.add_user_to_group(UserName="u", GroupName="g")
    iam.upload_signing_certificate(UserName="u", CertificateBody=certified(KEYS[0]))
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST, Tags=MANY)
    iam.create_policy(PolicyName="own", PolicyDocument=DOCUMENT, Tags=MANY)
    iam.create_instance_profile(InstanceProfileName="p", Tags=MANY)
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    iam.create_virtual_mfa_device(VirtualMFADeviceName="m", Tags=MANY)
    iam.create_open_id_connect_provider(Url="https://idp.example", Tags=MANY)
    iam.create_saml_provider(Name="s", SAMLMetadataDocument=metadata(), Tags=MANY)
    return iam


def test_errors_of_the_model_are_what_a_request_gets(world: World, furnished: Any) -> None:
    def state() -> Any:
        shown = furnished.get_account_authorization_details()
        return {key: value for key, value in shown.items() if key != "ResponseMetadata"}

    before = state()
    wrong = []
    for code, operation, params in CASES:
        try:
            getattr(furnished, operation)(**params)
            got = ""
        except ClientError as error:
            got = error.response["Error"]["Code"]
        if got != code:
            wrong.append((operation, code, got))
    assert wrong == []
    assert state() == before
