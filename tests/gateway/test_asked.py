"""What a request leaves open in services beside EC2's associations: lists, and answers that raise the next question.

The answers have the shapes of AWS's models; what they mean is on the page of each operation that is asked.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator

from kansatsu import catalog, wire
from kansatsu.errors import AwsError
from kansatsu.gateway import lookups

from .conftest import ACCOUNT
from .raw import REGION

HERE = f"{REGION}:{ACCOUNT}"
QUEUE, STACK = f"arn:aws:sqs:{HERE}:dead", f"arn:aws:cloudformation:{HERE}:stack"
CEV, TENANT = f"arn:aws:rds:{HERE}:cev:custom-oracle-ee/19.x/1", f"arn:aws:rds:{HERE}:tenant-database:tdb-1"
HANDLE = base64.b64encode(json.dumps({"taskId": "1", "sourceArn": QUEUE}).encode()).decode()
VOLUMES = {
    "Volumes": [
        {"VolumeId": "vol-1", "Attachments": [{"Device": "/dev/xvda", "InstanceId": "i-1"}]},
        {"VolumeId": "vol-2", "Attachments": [{"Device": "/dev/sdf", "InstanceId": "i-1"}]},
    ]
}
INSTANCES = {"Reservations": [{"Instances": [{"InstanceId": "i-1", "RootDeviceName": "/dev/xvda"}]}]}
Answers = Mapping[str, dict[str, Any]]
# service, operation, parameters, what the backend answers to each operation, the resources
CASES: list[tuple[str, str, dict[str, Any], Answers, set[str]]] = [
    (
        *("athena", "GetCalculationExecution", {"CalculationExecutionId": "c"}),
        {"GetCalculationExecution": {"SessionId": "s"}, "GetSession": {"WorkGroup": "team"}},
        {f"arn:aws:athena:{HERE}:workgroup/team"},
    ),
    (
        *("cloudformation", "ExecuteStackRefactor", {"StackRefactorId": "r"}),
        {"DescribeStackRefactor": {"StackIds": [f"{STACK}/a/1", f"{STACK}/b/2"]}},
        {f"{STACK}/a/1", f"{STACK}/b/2"},
    ),
    (
        *("cloudwatch", "DeleteMetricDataQueryDefinition", {"Id": "d"}),
        {"GetMetricDataQueryDefinition": {"Arn": f"arn:aws:cloudwatch:{HERE}:definition/d"}},
        {f"arn:aws:cloudwatch:{HERE}:definition/d"},
    ),
    (
        *("ec2", "CreateSnapshots", {"InstanceSpecification": {"InstanceId": "i-1"}}),
        {"DescribeVolumes": VOLUMES, "DescribeInstances": INSTANCES},
        {
            *(f"arn:aws:ec2:{HERE}:{name}" for name in ("instance/i-1", "volume/vol-1", "volume/vol-2")),
            f"arn:aws:ec2:{REGION}::snapshot/*",
        },
    ),
    (
        *("ec2", "CreateSnapshots", {"InstanceSpecification": {"InstanceId": "i-1", "ExcludeBootVolume": True}}),
        {"DescribeVolumes": VOLUMES, "DescribeInstances": INSTANCES},
        {f"arn:aws:ec2:{HERE}:instance/i-1", f"arn:aws:ec2:{HERE}:volume/vol-2", f"arn:aws:ec2:{REGION}::snapshot/*"},
    ),
    (
        *("glue", "GetDataQualityResult", {"ResultId": "r"}, {"GetDataQualityResult": {"RulesetName": "rules"}}),
        {f"arn:aws:glue:{HERE}:dataQualityRuleset/rules"},
    ),
    (
        *("rds", "DeleteCustomDBEngineVersion", {"Engine": "custom-oracle-ee", "EngineVersion": "19.x"}),
        {"DescribeDBEngineVersions": {"DBEngineVersions": [{"DBEngineVersionArn": CEV}]}},
        {CEV},
    ),
    (
        *("rds", "ModifyTenantDatabase", {"DBInstanceIdentifier": "d", "TenantDBName": "t"}),
        {"DescribeTenantDatabases": {"TenantDatabases": [{"TenantDBName": "t", "TenantDatabaseARN": TENANT}]}},
        {f"arn:aws:rds:{HERE}:db:d", TENANT},
    ),
    (
        *("sqs", "CancelMessageMoveTask", {"TaskHandle": HANDLE}),
        {"ListMessageMoveTasks": {"Results": [{"TaskHandle": HANDLE, "SourceArn": QUEUE}]}},
        {QUEUE},
    ),
]


class Backend:
    """Answers each operation with what its model allows, and anything else with an error."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    async def ask(self, account: str, region: str, service: str, operation: str, params: Any) -> dict[str, Any]:
        assert (account, region) == (ACCOUNT, REGION)
        model = Session().get_service_model(service).operation_model(operation)
        assert not ParamValidator().validate(params, model.input_shape).has_errors()
        if operation not in self.answers:
            raise AwsError("There is none.", code="NotFound", status=404)
        report = ParamValidator().validate(self.answers[operation], model.output_shape)
        assert all(" required " in line for line in report.generate_report().splitlines()), report.generate_report()
        return self.answers[operation]


def resolved(service: str, name: str, params: dict[str, Any], backend: Any) -> tuple[catalog.Authorization, ...]:
    operation = wire.load_service(service).operation(name)
    known = asyncio.run(lookups.known(operation, params, ACCOUNT, REGION, backend))
    return catalog.resolve(operation, params, ACCOUNT, REGION, known=known)


@pytest.mark.parametrize(("service", "name", "params", "answers", "resources"), CASES)
def test_the_backend_says_what_it_is_of(
    service: str, name: str, params: dict[str, Any], answers: Answers, resources: set[str]
) -> None:
    found = resolved(service, name, params, Backend(answers))
    assert {item.resource for item in found} == resources and all(item.exact for item in found)
    # The attack: one of the answers is an error, or empty.
    needed = set(answers) - ({"DescribeInstances"} if "ExcludeBootVolume" not in str(params) else set())
    for missing in needed:
        fewer = {operation: answer for operation, answer in answers.items() if operation != missing}
        for backend in (Backend(fewer), Backend({**answers, missing: {}})):
            assert not all(item.exact for item in resolved(service, name, params, backend)), missing


def test_a_handle_is_not_believed_without_the_queue_that_has_it() -> None:
    """The attack: a task of another queue is cancelled with a handle that names one's own."""
    forged = base64.b64encode(json.dumps({"taskId": "2", "sourceArn": QUEUE}).encode()).decode()
    answers = {"ListMessageMoveTasks": {"Results": [{"TaskHandle": HANDLE, "SourceArn": QUEUE}]}}
    (found,) = resolved("sqs", "CancelMessageMoveTask", {"TaskHandle": forged}, Backend(answers))
    assert (found.resource, found.exact) == ("*", False)


def test_an_answer_does_not_raise_questions_without_end() -> None:
    """What a backend answers costs no more calls than what a client asks."""
    asked = []

    class Endless(Backend):
        async def ask(self, account: str, region: str, service: str, operation: str, params: Any) -> dict[str, Any]:
            asked.append(params)
            return {"RulesetName": "r"}

    ids = [str(number) for number in range(100)]
    found = resolved("glue", "BatchGetDataQualityResult", {"ResultIds": ids}, Endless({}))
    assert len(asked) <= catalog.MOST_QUESTIONS and not all(item.exact for item in found)
