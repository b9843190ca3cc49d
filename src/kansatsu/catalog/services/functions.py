"""AWS Lambda: functions in all the ways to write them, with versions and aliases; layers.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (the forms of FunctionName)
"""

import re
from collections.abc import Iterator, Mapping

from kansatsu.catalog.authorization import Authorization, Context, Params
from kansatsu.catalog.rules import Finder, Frame, Rules
from kansatsu.catalog.values import Unsure, read, safe
from kansatsu.wire import Operation

_FORM = re.compile(
    r"(?:arn:aws:lambda:(?P<region>[a-z0-9-]+):(?P<owner>[0-9]{12}):function:|(?:(?P<account>[0-9]{12}):)?(?:function:)?)"
    r"(?P<name>[A-Za-z0-9_-]+)(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[A-Za-z0-9_-]+))?"
)
_QUALIFIER = re.compile(r"\$LATEST(?:\.PUBLISHED)?|[A-Za-z0-9_-]+")


def function(value: str, qualifiers: list[str], frame: Frame) -> Iterator[str]:
    """The ARNs of a function: name, name:qualifier, account:function:name and full ARN are the ways to write one.

    INVARIANT: a qualifier in the name and another beside it authorize neither; a name that may be read as a function
    called "function" or as an account does not pass; of an ARN of another region both are authorized.
    """
    found = _FORM.fullmatch(value)
    if found is None or found["name"] == "function" or found["name"].isdecimal():
        raise Unsure(value)
    given = [q for q in (found["qualifier"], *qualifiers) if q]
    if len(set(given)) > 1 or not all(_QUALIFIER.fullmatch(q) for q in given):
        raise Unsure(value)
    account = found["owner"] or found["account"] or frame.account
    for region in dict.fromkeys((found["region"] or frame.region, frame.region)):
        yield ":".join((f"arn:aws:lambda:{region}:{account}:function", found["name"], *given[:1]))


def _function(params: Params, frame: Frame) -> Iterator[str]:
    names = list(read(params, "FunctionName"))
    for name in names:
        yield from function(name, list(read(params, "Qualifier")), frame)


def _of_function(operation: Operation, params: Params, frame: Frame) -> Iterator[Authorization]:
    """With lambda:FunctionArn: of the function that the request names.

    INVARIANT: who may touch the mappings of one function hands them neither to another nor takes them from one: to
    change the function takes the right for both. The present one is a property of the mapping (resources.properties).

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
    """
    action = f"lambda:{operation.name}"
    try:
        functions = list(_function(params, frame))
        mappings = [frame.arn("lambda", f"event-source-mapping:{_uuid(value)}") for value in read(params, "UUID")]
    except Unsure:
        functions = mappings = []
    for mapping in mappings:
        yield Authorization(action, mapping)
    for found in functions:
        own: Context = {"lambda:functionarn": found}
        of_url = operation.name.endswith("UrlConfig")
        yield from (Authorization(action, resource, own) for resource in mappings or [found if of_url else "*"])
    if not functions and not mappings:
        yield Authorization(action, "*", exact=False)


def _uuid(value: str) -> str:
    if not safe(value, False):
        raise Unsure(value)
    return value


def _layer(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/lambda/latest/api/API_GetLayerVersion.html (LayerName: a name or an ARN)"""
    versions = list(read(params, "VersionNumber"))
    for value in (*read(params, "LayerName"), *read(params, "Arn")):
        found = _LAYER.fullmatch(value)
        given = [v for v in (found["version"] if found else "", *versions) if v]
        if found is None or len(set(given)) > 1:
            raise Unsure(value)
        for region in dict.fromkeys((found["region"] or frame.region, frame.region)):
            arn = f"arn:aws:lambda:{region}:{found['account'] or frame.account}:layer:{found['name']}"
            yield ":".join((arn, *given[:1]))


_LAYER = re.compile(
    r"(?:arn:aws:lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):layer:)?(?P<name>[A-Za-z0-9_-]+)"
    r"(?::(?P<version>[0-9]+))?"
)
_FUNCTIONS = (
    *("AddPermission", "CreateAlias", "CreateFunction", "DeleteAlias", "DeleteFunction"),
    *("DeleteFunctionCodeSigningConfig", "DeleteFunctionConcurrency", "DeleteFunctionEventInvokeConfig"),
    *("DeleteProvisionedConcurrencyConfig", "GetAlias", "GetFunction"),
    *("GetFunctionCodeSigningConfig", "GetFunctionConcurrency", "GetFunctionConfiguration"),
    *("GetFunctionEventInvokeConfig", "GetFunctionRecursionConfig", "GetFunctionScalingConfig"),
    *("GetPolicy", "GetProvisionedConcurrencyConfig", "GetRuntimeManagementConfig", "Invoke"),
    *("InvokeAsync", "InvokeWithResponseStream", "ListAliases", "ListDurableExecutionsByFunction"),
    *("ListFunctionEventInvokeConfigs", "ListFunctionUrlConfigs", "ListProvisionedConcurrencyConfigs"),
    *("ListVersionsByFunction", "PublishVersion", "PutFunctionConcurrency", "PutFunctionEventInvokeConfig"),
    *("PutFunctionRecursionConfig", "PutFunctionScalingConfig", "PutProvisionedConcurrencyConfig"),
    *("PutRuntimeManagementConfig", "RemovePermission", "UpdateAlias", "UpdateFunctionCode"),
    *("UpdateFunctionConfiguration", "UpdateFunctionEventInvokeConfig"),
)
_URLS = ("CreateFunctionUrlConfig", "DeleteFunctionUrlConfig", "GetFunctionUrlConfig", "UpdateFunctionUrlConfig")
_LAYERS = (
    *("AddLayerVersionPermission", "DeleteLayerVersion", "GetLayerVersion", "GetLayerVersionByArn"),
    *("GetLayerVersionPolicy", "PublishLayerVersion", "RemoveLayerVersionPermission"),
)


def _layers(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/adding-layers.html: who adds one may GetLayerVersion"""
    for value in read(params, "Layers"):
        yield from _layer({"Arn": value}, frame)


def _archive(member: str, versioned: bool) -> Finder:
    """The object that code is read from; Lambda reads it as the caller.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCode.html has the members. That the caller must be allowed
    no page says, but Lambda's error: "make sure your request credentials have permission to GetObject".
    """

    def find(params: Params, _frame: Frame) -> Iterator[str]:
        code = params.get(member) if member else params
        code = code if isinstance(code, Mapping) else {}
        if versioned == bool(code.get("S3ObjectVersion")):
            for bucket in read(code, "S3Bucket"):
                if not safe(bucket, False):
                    raise Unsure(bucket)
                yield from (f"arn:aws:s3:::{bucket}/{key}" for key in read(code, "S3Key"))

    return find


def _of_archive(member: str) -> tuple[tuple[str, Finder], ...]:
    return ("s3:GetObject", _archive(member, False)), ("s3:GetObjectVersion", _archive(member, True))


def _signed(params: Params, frame: Frame) -> Iterator[str]:
    yield from _function(params, frame)
    for value in read(params, "CodeSigningConfigArn"):
        found = _SIGNING.fullmatch(value)
        if found is None or found[1] != frame.region:
            raise Unsure(value)
        yield value


_SIGNING = re.compile(r"arn:aws:lambda:([a-z0-9-]+):[0-9]{12}:code-signing-config:csc-[a-z0-9]+")
_CAPACITY = re.compile(r"arn:aws:lambda:[a-z0-9-]+:[0-9]{12}:capacity-provider:[A-Za-z0-9_-]+")


def _capacity(params: Params, _frame: Frame) -> Iterator[str]:
    """What a function is to run on is passed to it.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html (PassCapacityProvider)
    """
    path = "CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.CapacityProviderArn"
    for value in read(params, path):
        if _CAPACITY.fullmatch(value) is None:
            raise Unsure(value)
        yield value


_ON_CAPACITY = ("lambda:PassCapacityProvider", _capacity)
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html",
    actions={
        "Invoke": "InvokeFunction",
        "InvokeAsync": "InvokeFunction",
        "InvokeWithResponseStream": "InvokeFunction",
        "GetLayerVersionByArn": "GetLayerVersion",
    },
    finders={
        **dict.fromkeys((*_FUNCTIONS, *_URLS), _function),
        **dict.fromkeys(_LAYERS, _layer),
        "PutFunctionCodeSigningConfig": _signed,
    },
    custom=_of_function,
    custom_of=frozenset({*_URLS, "CreateEventSourceMapping", "UpdateEventSourceMapping"}),
    also={
        "CreateFunction": (("lambda:GetLayerVersion", _layers), _ON_CAPACITY, *_of_archive("Code")),
        "UpdateFunctionConfiguration": (("lambda:GetLayerVersion", _layers), _ON_CAPACITY),
        "UpdateFunctionCode": _of_archive(""),
        "PublishLayerVersion": _of_archive("Content"),
    },
    keys={
        "CreateFunction": {
            "Layers": "lambda:Layer",
            "VpcConfig.SubnetIds": "lambda:SubnetIds",
            "VpcConfig.SecurityGroupIds": "lambda:SecurityGroupIds",
            "CodeSigningConfigArn": "lambda:CodeSigningConfigArn",
        },
        "UpdateFunctionConfiguration": {
            "Layers": "lambda:Layer",
            "VpcConfig.SubnetIds": "lambda:SubnetIds",
            "VpcConfig.SecurityGroupIds": "lambda:SecurityGroupIds",
        },
        "PutFunctionCodeSigningConfig": {"CodeSigningConfigArn": "lambda:CodeSigningConfigArn"},
        "AddPermission": {"Principal": "lambda:Principal", "FunctionUrlAuthType": "lambda:FunctionUrlAuthType"},
        "CreateFunctionUrlConfig": {"AuthType": "lambda:FunctionUrlAuthType"},
        "UpdateFunctionUrlConfig": {"AuthType": "lambda:FunctionUrlAuthType"},
    },
    tagging="TagResource",
)
