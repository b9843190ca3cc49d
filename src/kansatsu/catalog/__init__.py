"""What AWS has: which service a request is for, which IAM actions on which resources an operation is."""

from kansatsu.catalog import tracking
from kansatsu.catalog.abroad import abroad, buckets
from kansatsu.catalog.authorization import Authorization
from kansatsu.catalog.deliveries import deliveries
from kansatsu.catalog.deputies import acts_unseen
from kansatsu.catalog.ec2_keys import attributes as ec2_attributes
from kansatsu.catalog.generic import is_known as is_action
from kansatsu.catalog.identification import identify, outlined
from kansatsu.catalog.keys import may_have
from kansatsu.catalog.questions import MOST as MOST_QUESTIONS
from kansatsu.catalog.questions import profiles, questions
from kansatsu.catalog.reference import manages_permissions
from kansatsu.catalog.resolution import resolve
from kansatsu.catalog.rules import Question
from kansatsu.catalog.s3 import read_as_paths
from kansatsu.catalog.tags import asked as asked_tags
from kansatsu.catalog.unenforced import ENFORCED, sets_unenforced_policy

__all__ = [
    "ENFORCED",
    "MOST_QUESTIONS",
    "Authorization",
    "Question",
    "abroad",
    "acts_unseen",
    "asked_tags",
    "buckets",
    "deliveries",
    "ec2_attributes",
    "identify",
    "is_action",
    "manages_permissions",
    "may_have",
    "outlined",
    "profiles",
    "questions",
    "read_as_paths",
    "resolve",
    "sets_unenforced_policy",
    "tracking",
]
