"""Operations by which the backend would act, or call out, in the caller's place, unseen: they are refused.

Kansatsu authorizes what passes through it. What a backend does by itself (a stack's resources, a message to a web
address) no policy is asked about, so that a role with one permission would have all of the backend's.
"""

from collections.abc import Mapping
from typing import Any

from kansatsu.wire import Operation

_STACKS = "the backend would make the resources of the template itself, and no policy would be asked about any of them"
_OPERATIONS = {
    **dict.fromkeys(
        (
            *("cloudformation.CreateStack", "cloudformation.UpdateStack", "cloudformation.CreateChangeSet"),
            *("cloudformation.ExecuteChangeSet", "cloudformation.CreateStackSet", "cloudformation.UpdateStackSet"),
            *("cloudformation.CreateStackInstances", "cloudformation.UpdateStackInstances"),
            *("cloudcontrol.CreateResource", "cloudcontrol.UpdateResource", "cloudcontrol.DeleteResource"),
        ),
        _STACKS,
    ),
}


def acts_unseen(operation: Operation, params: Mapping[str, Any]) -> str:
    """Why this call is refused, as the end of a sentence; "" when it is not.

    INVARIANT: a call for which this is not empty must be refused (501); the backend must not see it.
    """
    name = f"{operation.service.name}.{operation.name}"
    if name == "sns.Subscribe" and str(params.get("Protocol", "")).lower().startswith("http"):
        # From the server's own network, loopback included: a way for any client to reach what it cannot reach itself.
        return "the backend would send requests to the address, from this machine"
    return _OPERATIONS.get(name, "")
