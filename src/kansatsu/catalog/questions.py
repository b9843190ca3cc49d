"""What only the backend knows of a request: which key an alias is, which secret a name, which workgroup a query's.

A question is asked before the request is authorized, and its answer given to `resolve`; without an answer the request
is authorized on everything.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.compiled import entry
from kansatsu.catalog.profiles import Options, Templates
from kansatsu.catalog.rules import Question, rules_of
from kansatsu.catalog.values import Unsure
from kansatsu.wire import Operation

MOST = 20  # calls of the backend that one request may cost


def questions(operation: Operation, params: Params) -> tuple[Question, ...]:
    """What must be asked to resolve a request exactly; () for nearly all."""
    ask = rules_of(operation.service.name).questions.get(operation.name)
    asked = list(ask(params)) if ask else []
    for one in entry(operation).within:
        asked += one.questions(params) if isinstance(one, Templates | Options) else ()
    return tuple({item.key: item for item in asked}.values())


def profiles(operation: Operation, params: Params, known: Mapping[str, str]) -> Iterator[str]:
    """The instance profiles whose roles must be known, by name or ARN; `known` has the answers to the questions."""
    for one in entry(operation).within:
        with suppress(Unsure):
            yield from one.profiles(params, known)
