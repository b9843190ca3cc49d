"""IAM Toolbox: the details of a denial by its authorization id. Importing this package registers its operations."""

from kansatsu.services.iam_toolbox import details

__all__ = ["details"]
