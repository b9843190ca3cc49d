"""The check that every operation makes which hands a role to a service: iam:PassRole, with its condition keys."""

from kansatsu.catalog import Authorization
from kansatsu.identity import EntityRecord


def passing(role: EntityRecord | None, role_arn: str, service: str, associated: str) -> Authorization:
    """iam:PassRole on `role_arn` for a service principal; `role` is None where there is no such role.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    context: dict[str, str | tuple[str, ...]] = {
        "iam:passedtoservice": service,
        "iam:associatedresourcearn": associated,
    }
    for key, value in (role.tags if role else {}).items():
        context[f"aws:resourcetag/{key.lower()}"] = context[f"iam:resourcetag/{key.lower()}"] = value
    return Authorization("iam:PassRole", role_arn, context, True)
