"""What decides a request beside its caller's own policies: the keys of whose the resource is, and organizations.

INVARIANT: the gateway and every view of a decision (the simulator, can, who-can, why, replay) come through here, so
that they cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import replace

from kansatsu.identity import Snapshot
from kansatsu.policy import Decision, Policies, Request, evaluate
from kansatsu.resources import owner_in

Context = dict[str, str | tuple[str, ...]]


def of_resource(action: str, resource: str, owner: str, account: str, snapshot: Snapshot) -> Context:
    """Whose the resource is: `owner`, and the caller's own `account` where an action is on no resource.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceaccount
    """
    owner = owner or (account if resource == "*" else "")
    keys = ("aws:resourceaccount", "s3:resourceaccount") if action.startswith("s3:") else ("aws:resourceaccount",)
    return {**dict.fromkeys(keys, owner), **snapshot.organization_keys("resource", owner)} if owner else {}


def owner_of(resource: str, account: str, default: str = "") -> str:
    """The account that owns a resource at which nobody looks: its ARN's, else `default`, else a bucket is one's own.

    "" where the gateway could not tell either.
    """
    return owner_in(resource, None) or default or (account if resource.split(":")[2:5] == ["s3", "", ""] else "")


def asked(
    request: Request, policies: Policies, snapshot: Snapshot, further: Mapping[str, str | tuple[str, ...]]
) -> tuple[Request, Policies]:
    """What decides a request of which `context` has the keys of the caller and the call; for `evaluate`.

    `further` are the keys of this one resource: they stand over what is known of it otherwise.
    """
    account, owner = request.principal.account, request.resource_account
    own = of_resource(request.action, request.resource, owner, account, snapshot)
    whole = replace(request, context={**request.context, **own, **further})
    return whole, snapshot.limited(policies, account, owner)


def decide(
    request: Request, policies: Policies, snapshot: Snapshot, further: Mapping[str, str | tuple[str, ...]]
) -> Decision:
    """The decision on `asked`."""
    return evaluate(*asked(request, policies, snapshot, further))
