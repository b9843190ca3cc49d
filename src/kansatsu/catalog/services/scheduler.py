"""Amazon EventBridge Scheduler: schedules in a group, "default" where none is named.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html (GroupName)
"""

from kansatsu.catalog.rules import Rules

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html",
    names={"schedule": ("Name",), "schedule-group": ("Name",)},
    parents={"GroupName": ("GroupName",)},
    defaults={"GroupName": "default"},
    types=dict.fromkeys(("CreateSchedule", "DeleteSchedule", "GetSchedule", "UpdateSchedule"), ("schedule",)),
    tagging="TagResource",
)
