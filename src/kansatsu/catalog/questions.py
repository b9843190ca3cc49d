"""What only the backend knows of a request: which key an alias is, which secret a name, which workgroup a query's.

A question is asked before the request is authorized, and its answer given to `resolve`; without an answer the request
is authorized on everything.
"""

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Question, rules_of
from kansatsu.wire import Operation

MOST = 20  # calls of the backend that one request may cost


def questions(operation: Operation, params: Params) -> tuple[Question, ...]:
    """What must be asked to resolve a request exactly; () for nearly all."""
    ask = rules_of(operation.service.name).questions.get(operation.name)
    return tuple({item.key: item for item in ask(params)}.values())[:MOST] if ask else ()
