"""Amazon S3 Control: the condition keys of batch jobs that a request asks for or changes.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-job-tags-examples.html
"""

from kansatsu.catalog.rules import Rules

_PRIORITY = {"Priority": "s3:requestjobpriority"}
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html",
    keys={
        "CreateJob": {**_PRIORITY, "Operation{}": "s3:requestjoboperation"},
        "UpdateJobPriority": _PRIORITY,
    },
)
