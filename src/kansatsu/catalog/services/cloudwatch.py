"""Amazon CloudWatch: metrics are on everything; alarms, dashboards, insight rules and streams have names.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-access-control-overview-cw.html
"""

from kansatsu.catalog.rules import Rules

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html",
    names={
        "insight-rule": ("RuleName", "RuleNames"),
        "metric-stream": ("Name", "Names"),
        "alarm": ("AlarmName", "AlarmNames"),
        "dashboard": ("DashboardName", "DashboardNames"),
    },
    types=dict.fromkeys(("GetMetricData", "GetMetricStatistics", "ListMetrics", "PutMetricData"), ()),
    keys={"PutMetricData": {"Namespace": "cloudwatch:namespace"}},
    tagging="TagResource",
)
