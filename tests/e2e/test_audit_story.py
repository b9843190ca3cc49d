"""The third story, with the AWS CLI: an administrator finds out who uses a grant, follows it to its policies, and cuts.

Before each cut, requests that were really made are decided again: a safe one refuses none of them, a wrong one is shown
to refuse which, and what was done is taken back in one step.
"""

import csv
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from story import ACCOUNT, REGION

import commands
from commands import Done

AWS_EC2 = "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"
TRUST = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(*actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": "*"}


def arn(kind: str, name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{kind}/{name}"


@dataclass
class Person:
    """Somebody with the AWS CLI and credentials of an own; the administrator, unless told otherwise."""

    server: Any
    keys: dict[str, str] = field(default_factory=dict)

    def tries(self, *words: str) -> Done:
        own = {"AWS_ACCESS_KEY_ID": self.server.access_key_id, "AWS_SECRET_ACCESS_KEY": self.server.secret_access_key}
        where = {"AWS_ENDPOINT_URL": self.server.endpoint, "AWS_DEFAULT_REGION": REGION, "AWS_DEFAULT_OUTPUT": "json"}
        return commands.aws({**os.environ, **where, **own, **self.keys}, *words)

    def aws(self, *words: str) -> Any:
        done = self.tries(*words)
        assert done.returncode == 0, (words, done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def iam(self, *words: str) -> Any:
        return self.aws("iam", *words)

    def runs(self, *words: str) -> Done:
        return commands.kansatsu(self.server.environ(), *words)

    def kansatsu(self, *words: str) -> str:
        done = self.runs(*words)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    # ---- what the administrator asks --------------------------------------------------------------------------------

    def job(self, of: str) -> str:
        return str(self.iam("generate-service-last-accessed-details", "--arn", of)["JobId"])

    def services(self, job: str) -> dict[str, dict[str, Any]]:
        found = self.iam("get-service-last-accessed-details", "--job-id", job)
        assert found["JobStatus"] == "COMPLETED"
        return {item["ServiceNamespace"]: item for item in found["ServicesLastAccessed"]}

    def entities(self, job: str, service: str) -> list[tuple[str, bool]]:
        words = ("get-service-last-accessed-details-with-entities", "--job-id", job, "--service-namespace", service)
        found = self.iam(*words)["EntityDetailsList"]
        return [(item["EntityInfo"]["Name"], "LastAuthenticated" in item) for item in found]

    def granting(self, of: str) -> list[tuple[str, str, str]]:
        words = ("list-policies-granting-service-access", "--arn", of, "--service-namespaces", "ec2")
        found = self.iam(*words)["PoliciesGrantingServiceAccess"][0]["Policies"]
        return [(item["PolicyName"], item["PolicyType"], item.get("EntityName", "")) for item in found]


def user(admin: Person, name: str) -> Person:
    admin.iam("create-user", "--user-name", name)
    key = admin.iam("create-access-key", "--user-name", name)["AccessKey"]
    return Person(
        admin.server, {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    )


def session(admin: Person, role: str) -> Person:
    got = admin.aws("sts", "assume-role", "--role-arn", arn("role", role), "--role-session-name", "night")[
        "Credentials"
    ]
    keys = {
        "AWS_ACCESS_KEY_ID": got["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": got["SecretAccessKey"],
        "AWS_SESSION_TOKEN": got["SessionToken"],
    }
    return Person(admin.server, keys)


def test_the_story(start_server: Callable[..., AbstractContextManager[Any]], data_dir: Path, tmp_path: Path) -> None:
    with start_server(data_dir, "--engine", "none") as server:
        admin = Person(server)
        shared = admin.iam(
            "create-policy",
            "--policy-name",
            "shared",
            "--policy-document",
            document(allow("ec2:*", "s3:*", "dynamodb:*")),
        )["Policy"]["Arn"]
        people = {name: user(admin, name) for name in ("ana", "ben", "cy", "dora")}
        admin.iam("create-role", "--role-name", "job", "--assume-role-policy-document", document(TRUST))
        admin.iam("create-group", "--group-name", "staff")
        for name in ("ben", "cy"):
            admin.iam("add-user-to-group", "--group-name", "staff", "--user-name", name)
        admin.iam("attach-role-policy", "--role-name", "job", "--policy-arn", shared)
        admin.iam("attach-user-policy", "--user-name", "ana", "--policy-arn", shared)
        admin.iam("attach-group-policy", "--group-name", "staff", "--policy-arn", shared)

        people["ben"].aws("ec2", "describe-vpcs")
        people["ana"].aws("ec2", "describe-vpcs")
        session(admin, "job").aws("s3api", "list-buckets")

        who_uses_it(admin, shared)
        who_granted_it(admin, people["dora"])
        job = the_unused_part_goes(admin, shared, people, tmp_path)
        server.process.kill()  # with all that it had in memory
        server.process.wait()
    with start_server(data_dir, "--engine", "none") as server:
        admin = Person(server)
        assert set(admin.services(job)) == {"ec2", "s3", "dynamodb"}  # the report of before, as it was
        assert admin.entities(admin.job(shared), "ec2")[:2] == [("ana", True), ("ben", True)]


def who_uses_it(admin: Person, shared: str) -> None:
    """The policy's Access Advisor names the last one and all who could; the group's knows its members only."""
    job = admin.job(shared)
    found = admin.services(job)
    assert {name: item.get("LastAuthenticatedEntity") for name, item in found.items()} == {
        "dynamodb": None,
        "ec2": arn("user", "ana"),
        "s3": arn("role", "job"),
    }
    assert (found["ec2"]["TotalAuthenticatedEntities"], found["ec2"]["LastAuthenticatedRegion"]) == (2, REGION)
    assert admin.entities(job, "ec2") == [("ana", True), ("ben", True), ("job", False), ("cy", False)]
    assert {name for name, _ in admin.entities(job, "dynamodb")} == {"ana", "ben", "cy", "job"}
    job = admin.job(arn("group", "staff"))
    assert admin.services(job)["ec2"]["LastAuthenticatedEntity"] == arn("user", "ben")
    assert "LastAuthenticated" not in admin.services(job)["s3"]
    assert admin.entities(job, "ec2") == [("ben", True), ("cy", False)]


def who_granted_it(admin: Person, dora: Person) -> None:
    """Dora has EC2 three ways. Each document can be opened and edited; without all three she has it no more."""
    own = admin.iam("create-policy", "--policy-name", "looker", "--policy-document", document(allow("ec2:Describe*")))
    looker = own["Policy"]["Arn"]
    admin.iam("create-group", "--group-name", "readers")
    admin.iam("add-user-to-group", "--group-name", "readers", "--user-name", "dora")
    admin.iam("attach-group-policy", "--group-name", "readers", "--policy-arn", AWS_EC2)
    admin.iam("attach-user-policy", "--user-name", "dora", "--policy-arn", looker)
    inline = ("--user-name", "dora", "--policy-name", "own")
    admin.iam("put-user-policy", *inline, "--policy-document", document(allow("ec2:DescribeVpcs", "s3:Get*")))
    dora.aws("ec2", "describe-vpcs")
    assert admin.granting(arn("user", "dora")) == [
        ("AmazonEC2ReadOnlyAccess", "MANAGED", ""),
        ("looker", "MANAGED", ""),
        ("own", "INLINE", "dora"),
    ]
    for policy in (looker, AWS_EC2):
        version = admin.iam("get-policy", "--policy-arn", policy)["Policy"]["DefaultVersionId"]
        opened = admin.iam("get-policy-version", "--policy-arn", policy, "--version-id", version)
        assert "ec2:Describe" in json.dumps(opened["PolicyVersion"]["Document"])
    assert "ec2:DescribeVpcs" in admin.iam("get-user-policy", *inline)["PolicyDocument"]["Statement"][0]["Action"]
    admin.iam("put-user-policy", *inline, "--policy-document", document(allow("s3:Get*")))
    text = document(allow("sqs:ListQueues"))
    admin.iam("create-policy-version", "--policy-arn", looker, "--policy-document", text, "--set-as-default")
    assert admin.granting(arn("user", "dora")) == [("AmazonEC2ReadOnlyAccess", "MANAGED", "")]
    admin.iam("detach-group-policy", "--group-name", "readers", "--policy-arn", AWS_EC2)
    assert admin.granting(arn("user", "dora")) == []
    assert "UnauthorizedOperation" in dora.tries("ec2", "describe-vpcs").stderr


def the_unused_part_goes(admin: Person, shared: str, people: dict[str, Person], tmp_path: Path) -> str:
    """DynamoDB, which nobody used, and Cy's membership; nobody is refused what they did before."""
    first, *_ = json.loads(admin.kansatsu("access", shared, "-o", "json"))
    assert (first["service"], first["last-accessed"]) == ("dynamodb", None)
    job = admin.job(shared)
    the_grant_that_nobody_used_is_detached(admin, people["cy"])
    a_wrong_cut_is_shown(admin, shared)
    file = tmp_path / "smaller.json"
    file.write_text(document(allow("ec2:*", "s3:*")))
    said = admin.runs("policy", "replay", shared, "--change", str(file))
    assert (said.returncode, "0 would be refused" in said.stderr) == (0, True), said.stderr
    commit = admin.kansatsu("policy", "commit", shared, "--change", str(file)).split()[-1]
    assert set(admin.services(admin.job(shared))) == {"ec2", "s3"}
    admin.kansatsu("policy", "rollback", commit)
    assert set(admin.services(admin.job(shared))) == {"ec2", "s3", "dynamodb"}
    people["ana"].aws("dynamodb", "list-tables")
    # It was used now, so that the same change is refused: the evidence is of this moment.
    late = admin.runs("policy", "commit", shared, "--change", str(file))
    assert (late.returncode, "RequestsWouldBeRefused" in late.stderr) == (1, True), late.stderr
    admin.kansatsu("policy", "commit", shared, "--change", str(file), "--accept-refused")
    admin.iam("remove-user-from-group", "--group-name", "staff", "--user-name", "cy")
    assert set(admin.services(admin.job(shared))) == {"ec2", "s3"}
    assert "cy" not in dict(admin.entities(admin.job(shared), "ec2"))
    people["ben"].aws("ec2", "describe-vpcs")
    people["ana"].aws("ec2", "describe-vpcs")
    session(admin, "job").aws("s3api", "list-buckets")
    assert "AccessDenied" in people["ana"].tries("dynamodb", "list-tables").stderr
    return job


def the_grant_that_nobody_used_is_detached(admin: Person, cy: Person) -> None:
    people = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
    admin.iam("attach-user-policy", "--user-name", "cy", "--policy-arn", people)
    cy.aws("s3api", "list-buckets")
    said = admin.runs("policy", "replay", "user/cy", "--detach", people)
    assert (said.returncode, "1 allowed as before, 0 would be refused" in said.stderr) == (0, True), said.stderr
    admin.kansatsu("policy", "commit", "user/cy", "--detach", people)
    assert admin.iam("list-attached-user-policies", "--user-name", "cy")["AttachedPolicies"] == []
    cy.aws("s3api", "list-buckets")
    assert "AccessDenied" in cy.tries("iam", "list-users").stderr


def a_wrong_cut_is_shown(admin: Person, shared: str) -> None:
    """It would have refused a request that was really made: the trail has it, with the same request id."""
    said = admin.runs("policy", "replay", "role/job", "--detach", shared, "-o", "csv")
    assert said.returncode == 1, said.stderr
    [refused] = csv.DictReader(said.stdout.splitlines())
    assert (refused["action"], refused["principal"]) == (
        "s3:ListAllMyBuckets",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/job/night",
    )
    found = admin.aws(
        *("cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=Username,AttributeValue=night")
    )
    event = json.loads(found["Events"][0]["CloudTrailEvent"])
    assert (event["eventName"], event["requestID"]) == ("ListBuckets", refused["request-id"])
    assert event["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "job"
    assert admin.runs("policy", "commit", "role/job", "--detach", shared).returncode == 1
    assert admin.iam("list-attached-role-policies", "--role-name", "job")["AttachedPolicies"] != []
