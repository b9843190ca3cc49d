"""Amazon Redshift Serverless: an ARN ends with an id that only the service knows; requests have names.

https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-iam.html
"""

from collections.abc import Callable, Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Finder, Frame, Question, Rules
from kansatsu.catalog.values import Unsure, read, safe

# type -> the operation that tells of one, by the member that holds its name
_TOLD = {"workgroup": "GetWorkgroup", "namespace": "GetNamespace", "snapshot": "GetSnapshot"}


def named(*kinds: str, made: str = "", many: str = "") -> Finder:
    """The ARN that the backend says each name has, and any of what is made."""

    def find(params: Params, frame: Frame) -> Iterator[str]:
        for kind in kinds:
            names = list(read(params, many or f"{kind}Name"))
            if not names:
                raise Unsure(kind)
            for name in names:
                arn = frame.known.get(f"{kind} {name}", "")
                if not arn.startswith(frame.arn("redshift-serverless", f"{kind}/")):
                    raise Unsure(name)
                yield arn
        if made:
            yield frame.arn("redshift-serverless", f"{made}/*")

    return find


def asked(*kinds: str, many: str = "", member: str = "") -> Callable[[Params], Iterator[Question]]:
    """Which they are."""

    def ask(params: Params) -> Iterator[Question]:
        for kind in kinds:
            for name in read(params, many or member or f"{kind}Name"):
                if safe(name, False):
                    asked = {f"{kind}Name": name}
                    yield Question(f"{kind} {name}", "redshift-serverless", _TOLD[kind], asked, f"{kind}.{kind}Arn")

    return ask


_ROWS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            *("DeleteWorkgroup", "GetCredentials", "GetWorkgroup", "UpdateWorkgroup"),
            *(f"{verb}CustomDomainAssociation" for verb in ("Create", "Delete", "Get", "Update")),
        ),
        ("workgroup",),
    ),
    **dict.fromkeys(
        (
            *("DeleteNamespace", "GetNamespace", "UpdateNamespace", "UpdateLakehouseConfiguration"),
            *("CreateScheduledAction", "CreateSnapshotCopyConfiguration"),
        ),
        ("namespace",),
    ),
    **dict.fromkeys(("DeleteSnapshot", "GetSnapshot", "UpdateSnapshot", "RestoreFromSnapshot"), ("snapshot",)),
    "RestoreTableFromSnapshot": ("namespace", "snapshot"),
}
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshiftserverless.html",
    finders={
        **{operation: named(*kinds) for operation, kinds in _ROWS.items()},
        "CreateSnapshot": named("namespace", made="snapshot"),
        "GetIdentityCenterAuthToken": named("workgroup", many="workgroupNames"),
    },
    questions={
        **{operation: asked(*kinds) for operation, kinds in _ROWS.items()},
        "CreateSnapshot": asked("namespace"),
        "GetIdentityCenterAuthToken": asked("workgroup", many="workgroupNames"),
    },
)
