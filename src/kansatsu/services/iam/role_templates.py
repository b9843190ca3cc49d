"""Role templates and the account's properties, which AWS's own services make: there are none of them here.

A template's ARN names the service that manages it (arn:aws:iam::aws:role-template/SERVICE/NAME:MAJOR). No service here
makes one, so that whichever is named, AWS's own refusal is the answer.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_AcquireRole.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutAccountProperties.html
"""

import re
from typing import Any

from kansatsu import arn
from kansatsu.errors import InvalidInput, NoSuchEntity
from kansatsu.services.iam import _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call, Params

_TEMPLATE = re.compile(rf"arn:{arn.PARTITION}:iam::aws:role-template/[^/]+/[\w+=,.-]+:\d+", re.ASCII)
_PROPERTY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*/[A-Za-z0-9_-]+", re.ASCII)


def _template(_call: Call, params: Params) -> _resources.Target:
    return params["TemplateArn"], {"iam:roletemplatearn": params["TemplateArn"]}


def _missing(template_arn: str) -> NoSuchEntity:
    if not _TEMPLATE.fullmatch(template_arn):
        raise InvalidInput(f"{template_arn} is not the ARN of a role template.")
    return NoSuchEntity(f"The role template {template_arn} cannot be found.")


@iam("AcquireRole", _template, write=True)
def acquire_role(
    _call: Call, template_arn: str, template_minor_version: int | None = None, replacement_values: Any = None
) -> dict[str, Any]:
    raise _missing(template_arn)


@iam("GetRoleTemplateVersion", _template)
def get_role_template_version(_call: Call, template_arn: str, minor_version: int | None = None) -> dict[str, Any]:
    raise _missing(template_arn)


def _namespaces(_call: Call, params: Params) -> _resources.Target:
    named = {key.partition("/")[0] for key in params.get("Properties", {})}
    return "*", {"iam:accountpropertynamespaces": tuple(sorted(named))} if named else {}


@iam("GetAccountProperties", _namespaces)
def get_account_properties(_call: Call) -> dict[str, Any]:
    return {"Properties": {}}


@iam("PutAccountProperties", _namespaces, write=True)
def put_account_properties(_call: Call, properties: dict[str, str]) -> dict[str, Any]:
    for key in properties:
        if not _PROPERTY.fullmatch(key):
            raise InvalidInput(f"{key} is not a property: it has the form Namespace/PropertyName.")
    if len({key.partition("/")[0] for key in properties}) > 1:
        raise InvalidInput("All properties of a request must belong to the same namespace.")
    raise InvalidInput(f"{', '.join(sorted(properties))}: this account has no such property.")
