"""Amazon CloudWatch: metrics are on everything; alarms, dashboards, insight rules and streams have names.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-access-control-overview-cw.html
"""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Question, Rules
from kansatsu.catalog.values import Unsure, arn_parts, read


def _defined(params: Params) -> Iterator[Question]:
    """A definition has an ARN that only the service tells.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricDataQueryDefinition.html
    """
    for value in read(params, "Id"):
        yield Question(f"definition {value}", "cloudwatch", "GetMetricDataQueryDefinition", {"Id": value}, "Arn")


def _definition(params: Params, frame: Frame) -> Iterator[str]:
    for value in read(params, "Id"):
        arn = frame.known.get(f"definition {value}", "")
        if (arn_parts(arn) or [])[:5] != ["arn", "aws", "cloudwatch", frame.region, frame.account]:
            raise Unsure(value)
        yield arn


_DEFINITIONS = tuple(f"{verb}MetricDataQueryDefinition" for verb in ("Delete", "Get", "Put"))

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html",
    names={
        "insight-rule": ("RuleName", "RuleNames"),
        "metric-stream": ("Name", "Names"),
        "alarm": ("AlarmName", "AlarmNames"),
        "dashboard": ("DashboardName", "DashboardNames"),
    },
    types={
        **dict.fromkeys(("GetMetricData", "GetMetricStatistics", "ListMetrics", "PutMetricData"), ()),
        "ListAlarmMuteRules": ("alarm-mute-rule=*",),
        "ListMetricDataQueryDefinitions": (),
    },
    elsewhere=frozenset((*_DEFINITIONS, "ListMetricDataQueryDefinitions")),
    finders=dict.fromkeys(_DEFINITIONS, _definition),
    questions=dict.fromkeys(_DEFINITIONS, _defined),
    keys={"PutMetricData": {"Namespace": "cloudwatch:namespace"}},
    tagging="TagResource",
)
