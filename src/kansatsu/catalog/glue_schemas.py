"""AWS Glue's schemas: a call about one is on the registry that it is in, too.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html (both types are required)
https://docs.aws.amazon.com/glue/latest/webapi/API_SchemaId.html: by its ARN, or by its name and that of its registry
"""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Question
from kansatsu.catalog.values import Unsure, arn_parts, read, safe

OF_SCHEMAS = (
    *("DeleteSchema", "DeleteSchemaVersions", "GetSchema", "GetSchemaByDefinition", "GetSchemaVersion"),
    *("GetSchemaVersionsDiff", "ListSchemaVersions", "PutSchemaVersionMetadata", "QuerySchemaVersionMetadata"),
    *("RegisterSchemaVersion", "RemoveSchemaVersionMetadata", "UpdateSchema"),
)


def versions(params: Params) -> Iterator[Question]:
    """The schema of a version that is named by its id alone.

    https://docs.aws.amazon.com/glue/latest/webapi/API_GetSchemaVersion.html (SchemaArn)
    """
    for version in read(params, "SchemaVersionId"):
        yield Question(f"version {version}", "glue", "GetSchemaVersion", {"SchemaVersionId": version}, "SchemaArn")


def schemas(params: Params, frame: Frame) -> Iterator[str]:
    """The registry and the schema, of each that a request names.

    INVARIANT: an id of a version beside another schema may be what a backend goes by: both are asked for.
    """
    named = params.get("SchemaId") or {}
    arns = [*read(named, "SchemaArn")]
    arns += [frame.known.get(f"version {version}", "") for version in read(params, "SchemaVersionId")]
    for value in arns:
        parts = arn_parts(value) or [""] * 6
        kind, _, name = parts[5].partition("/")
        if parts[:5] != ["arn", "aws", "glue", frame.region, frame.account] or kind != "schema":
            raise Unsure(value)
        yield from _both(*name.split("/"), frame=frame)
    if named.get("SchemaName") or named.get("RegistryName"):
        yield from _both(named.get("RegistryName", ""), named.get("SchemaName", ""), frame=frame)


def made(params: Params, frame: Frame) -> Iterator[str]:
    """A new schema, in a registry that is named or given by its ARN; the ARN of the default one nobody knows.

    https://docs.aws.amazon.com/glue/latest/webapi/API_CreateSchema.html (RegistryId)
    """
    given = params.get("RegistryId") or {}
    names = [*read(given, "RegistryName")]
    for value in read(given, "RegistryArn"):
        prefix = frame.arn("glue", "registry/")
        names.append(value.removeprefix(prefix) if value.startswith(prefix) else "")
    for registry in names or [""]:
        for name in read(params, "SchemaName"):
            yield from _both(registry, name, frame=frame)


def _both(*names: str, frame: Frame) -> Iterator[str]:
    if len(names) != 2 or not all(name and safe(name, False) for name in names):
        raise Unsure(names)
    yield frame.arn("glue", f"registry/{names[0]}")
    yield frame.arn("glue", "schema/" + "/".join(names))
