"""What AWS has: which service a request is for, which IAM actions on which resources an operation is."""

from kansatsu.catalog.authorization import Authorization
from kansatsu.catalog.deputies import acts_unseen
from kansatsu.catalog.identification import identify
from kansatsu.catalog.resolution import resolve
from kansatsu.catalog.unenforced import sets_unenforced_policy

__all__ = ["Authorization", "acts_unseen", "identify", "resolve", "sets_unenforced_policy"]
