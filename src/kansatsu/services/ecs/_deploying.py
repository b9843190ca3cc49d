"""How a service replaces its tasks: what a request asks for, checked.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
"""

from collections.abc import Mapping
from typing import Any

from kansatsu.errors import InvalidParameterException, Unimplemented
from kansatsu.services.ecs._honoured import honoured
from kansatsu.workload.tasks.service import DAEMON, Service

_HONOURED = frozenset({"maximumPercent", "minimumHealthyPercent", "deploymentCircuitBreaker", "strategy"})
_DEFAULTS = {DAEMON: (0, 100)}  # minimum and maximum percent


def settings(given: Mapping[str, Any] | None, strategy: str, before: Service | None = None) -> dict[str, Any]:
    """The fields of a service. What is not said stays as it was `before`. Raises InvalidParameterException."""
    asked = dict(given or {})
    if asked.get("bakeTimeInMinutes") == 0:
        del asked["bakeTimeInMinutes"]
    if not (asked.get("alarms") or {}).get("enable"):
        asked.pop("alarms", None)
    honoured(asked, _HONOURED, "deploymentConfiguration.")
    if asked.get("strategy", "ROLLING") != "ROLLING":
        raise Unimplemented(f"The deployment strategy {asked['strategy']} is not implemented.")
    least, most = (before.minimum, before.maximum) if before else _DEFAULTS.get(strategy, (100, 200))
    least, most = asked.get("minimumHealthyPercent", least), asked.get("maximumPercent", most)
    if least < 0 or most < 0:
        raise InvalidParameterException("minimumHealthyPercent and maximumPercent must not be negative.")
    if strategy == DAEMON and most > 100:
        raise InvalidParameterException(
            "The daemon scheduling strategy does not support values above 100 for maximumPercent on "
            "DeploymentConfiguration."
        )
    if most < 100:
        raise InvalidParameterException("maximumPercent must not be less than 100.")
    if least >= most and strategy != DAEMON:
        raise InvalidParameterException("maximumPercent must be greater than minimumHealthyPercent.")
    breaker = asked.get("deploymentCircuitBreaker")
    found: dict[str, Any] = {"minimum": least, "maximum": most}
    if breaker is not None:
        honoured(breaker, frozenset({"enable", "rollback"}), "deploymentConfiguration.deploymentCircuitBreaker.")
        found |= {"breaker": bool(breaker.get("enable")), "rollback": bool(breaker.get("rollback"))}
    return found


def count(desired: int | None, strategy: str) -> int:
    """How many tasks; a DAEMON is not asked. Raises InvalidParameterException."""
    if strategy == DAEMON:
        if desired is not None:
            raise InvalidParameterException(
                "The daemon scheduling strategy does not support a desired count for services. Remove the desired "
                "count value and try again."
            )
        return 0
    if desired is None:
        raise InvalidParameterException("Desired count is required for services that use the REPLICA strategy.")
    if desired < 0:
        raise InvalidParameterException("Desired count must not be negative.")
    return desired


def check_common(network: Mapping[str, Any] | None, *, enable_execute_command: bool) -> None:
    """What services and tasks have in common. Raises InvalidParameterException, Unimplemented."""
    if enable_execute_command:
        raise Unimplemented("The parameter enableExecuteCommand is not implemented.")
    if network:
        raise InvalidParameterException(
            "Network Configuration is not valid for the given networkMode of this task definition."
        )
