"""Tagging through the Resource Groups Tagging API takes the permission of the service itself as well.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html (permissions)
"""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Authorization, Context, Params
from kansatsu.errors import Unimplemented

# service in an ARN -> (action that adds tags, action that takes them away)
_ACTIONS = {
    "dynamodb": ("TagResource", "UntagResource"),
    "ec2": ("CreateTags", "DeleteTags"),
    "ecr": ("TagResource", "UntagResource"),
    "events": ("TagResource", "UntagResource"),
    "kinesis": ("AddTagsToStream", "RemoveTagsFromStream"),
    "kms": ("TagResource", "UntagResource"),
    "lambda": ("TagResource", "UntagResource"),
    "logs": ("TagResource", "UntagResource"),
    "rds": ("AddTagsToResource", "RemoveTagsFromResource"),
    "s3": ("PutBucketTagging", "PutBucketTagging"),
    "secretsmanager": ("TagResource", "UntagResource"),
    "sns": ("TagResource", "UntagResource"),
    "sqs": ("TagQueue", "UntagQueue"),
    "ssm": ("AddTagsToResource", "RemoveTagsFromResource"),
    "states": ("TagResource", "UntagResource"),
}


def own_actions(operation: str, params: Params) -> Iterator[Authorization]:
    """The checks of TagResources and UntagResources on each resource. Raises Unimplemented for other services.

    INVARIANT: no way to change a tag goes around the permission to change it, for tags decide who may do what.
    """
    if operation not in ("TagResources", "UntagResources"):
        return
    context: Context = {f"aws:requesttag/{key.lower()}": value for key, value in (params.get("Tags") or {}).items()}
    context["aws:tagkeys"] = tuple(params.get("Tags") or params.get("TagKeys") or ())
    for resource in params.get("ResourceARNList") or ():
        service = str(resource).split(":", 3)[2:3]
        actions = _ACTIONS.get(service[0]) if service else None
        if actions is None:
            raise Unimplemented(f"Kansatsu does not know what tagging {resource} takes.")
        yield Authorization(f"{service[0]}:{actions[operation == 'UntagResources']}", resource, context)
