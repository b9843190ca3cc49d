"""An organization of a test's own: a management account, members in units, and people in them."""

import functools
import json
from typing import Any

from . import raw
from .conftest import Gateway
from .raw import Keys, statement

FULL = "p-FullAWSAccess"
EVERYTHING = statement("Allow", "*")


class Organized:
    """root / outer / inner / member, and another member right below the root."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        made = gateway.client("kansatsu").create_account(Name=gateway.name("boss"))
        self.management = made["Account"]["Id"]
        self.boss = Keys(made["AccessKeyId"], made["SecretAccessKey"], name="admin")
        self.api = self.client("organizations", self.boss)
        self.id = self.api.create_organization()["Organization"]["Id"]
        self.root = self.api.list_roots()["Roots"][0]["Id"]
        self.api.enable_policy_type(RootId=self.root, PolicyType="RESOURCE_CONTROL_POLICY")
        self.outer = self.unit(self.root)
        self.inner = self.unit(self.outer)
        self.member, self.other = self.account(self.inner), self.account()

    @functools.cache  # noqa: B019 - lives as long as the tests of one module
    def client(self, service: str, keys: Keys) -> Any:
        return self.gateway.client(service, keys)

    def unit(self, parent: str) -> str:
        made = self.api.create_organizational_unit(ParentId=parent, Name=self.gateway.name("unit"))
        return str(made["OrganizationalUnit"]["Id"])

    def account(self, parent: str | None = None) -> str:
        name = self.gateway.name("member")
        status = self.api.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
        assert status["State"] == "SUCCEEDED"
        if parent is not None:
            self.api.move_account(AccountId=status["AccountId"], SourceParentId=self.root, DestinationParentId=parent)
        return str(status["AccountId"])

    def policy(self, *statements: dict[str, Any], rcp: bool = False) -> str:
        kind = "RESOURCE_CONTROL_POLICY" if rcp else "SERVICE_CONTROL_POLICY"
        if rcp:
            statements = tuple({"Principal": "*", **each} for each in statements)
        made = self.api.create_policy(
            Content=raw.document(*statements), Description="", Name=self.gateway.name("policy"), Type=kind
        )
        return str(made["Policy"]["PolicySummary"]["Id"])

    def attach(self, target: str, *statements: dict[str, Any], rcp: bool = False) -> str:
        made = self.policy(*statements, rcp=rcp)
        self.api.attach_policy(PolicyId=made, TargetId=target)
        return made

    def take(self, policy: str, target: str) -> None:
        self.api.detach_policy(PolicyId=policy, TargetId=target)

    @functools.cache  # noqa: B019 - lives as long as the tests of one module
    def inside(self, account: str) -> Keys:
        """The management account's way in."""
        role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        got = self.client("sts", self.boss).assume_role(RoleArn=role, RoleSessionName="boss")["Credentials"]
        return Keys(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])

    def person(self, account: str, *statements: dict[str, Any]) -> Keys:
        """A user of an account, who may do everything unless statements say less."""
        iam = self.client("iam", self.boss if account == self.management else self.inside(account))
        name = self.gateway.name("person")
        iam.create_user(UserName=name)
        document = raw.document(*(statements or (EVERYTHING,)))
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Keys(key["AccessKeyId"], key["SecretAccessKey"], name=name)

    def role(self, account: str, trust: dict[str, Any], *statements: dict[str, Any]) -> str:
        iam = self.client("iam", self.boss if account == self.management else self.inside(account))
        name = self.gateway.name("role")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", **trust}
        made = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
        )
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=raw.document(*statements))
        return str(made["Role"]["Arn"])

    def assume(self, keys: Keys, role: str, **more: Any) -> Keys:
        got = self.client("sts", keys).assume_role(RoleArn=role, RoleSessionName="session", **more)["Credentials"]
        return Keys(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
