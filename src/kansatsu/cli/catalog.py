"""`kansatsu catalog`: which actions on which resources an operation is authorized as."""

import difflib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from kansatsu.cli.output import Exit, Failure, Row, emit, hint, output_option

if TYPE_CHECKING:
    from kansatsu.catalog.survey import Line
    from kansatsu.wire import Operation


@click.command()
@click.argument("service", required=False)
@click.argument("operation", required=False)
@output_option
def catalog(service: str | None, operation: str | None, form: str) -> None:
    """Show the actions and resources of an OPERATION, of all those of a SERVICE, or count those of every service.

    A server need not run. Services and operations are named as the SDKs name them (stepfunctions, StartExecution).
    """
    from kansatsu import wire

    if service is None:
        _services(form)
        hint("kansatsu catalog SERVICE", form)
        return
    if operation is None and ":" in service:
        service, _, operation = service.partition(":")
    known = wire.load_service(_one_of(service, sorted(wire.service_metadata()), "service"))
    names = known.operation_names if operation is None else [_one_of(operation, known.operation_names, "operation")]
    rows: list[Row] = [
        {
            "operation": line.operation,
            "resolved": line.how,
            "action": line.action,
            "resource": line.resource,
            "parameters": ", ".join(line.parameters),
        }
        for name in names
        for line in _lines(known.operation(name))
    ]
    emit(rows, ["operation", "resolved", "action", "resource", "parameters"], form)
    if operation is None:
        hint(f"kansatsu catalog {known.name} {names[0]}", form)


def _lines(operation: "Operation") -> Iterator["Line"]:
    from kansatsu import services
    from kansatsu.catalog.survey import Line, lines
    from kansatsu.services.registry import everything, handler

    if operation.service.name not in services.OURS:
        yield from lines(operation)
        return
    services.load()
    found = handler(operation.service.name, operation.name)
    if found is None:
        yield Line(operation.name, "501", "", "", ())
    else:
        yield from lines(operation, own="*" if found.resource is everything else "by its handler")


def _services(form: str) -> None:
    from kansatsu.catalog import survey

    rows: list[Row] = [
        {
            "service": found.service,
            "operations": found.hows.total(),
            **{how: found.hows[how] for how in survey.HOWS},
        }
        for found in survey.counts()
    ]
    emit(rows, ["service", "operations", *survey.HOWS], form)


def _one_of(name: str, names: Sequence[str], what: str) -> str:
    found = next((item for item in names if item.lower() == name.lower()), None)
    if found is None:
        near = difflib.get_close_matches(name, names, n=1)
        mean = f"; did you mean {near[0]}?" if near else "."
        raise Failure(f"There is no {what} {name}{mean}", Exit.USAGE)
    return found
