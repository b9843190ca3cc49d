"""A second engine, written straight from the documentation: slow, without compilation, without indexes.

It works on the JSON of the policies.
"""

from typing import Any

from kansatsu.policy import Principal, Request
from policy.naive_matching import action_matches, condition_true, listed, resource_element


def applies(statement: dict[str, Any], request: Request, version: str) -> bool:
    context = dict(request.context)
    if "Action" in statement:
        fits = any(action_matches(one, request.action) for one in listed(statement["Action"]))
    else:
        fits = not any(action_matches(one, request.action) for one in listed(statement["NotAction"]))
    return (
        fits
        and resource_element(statement, request.resource, context, version)
        and all(
            condition_true(operator, key, listed(values), context, version)
            for operator, block in statement.get("Condition", {}).items()
            for key, values in block.items()
        )
    )


def vouched(principal: Principal) -> bool:
    """Is it somebody whom a provider vouches for, who has no policies but the role's trust policy?"""
    return principal.kind == "federated" and ":federated-user/" not in principal.arn


def names(kind: str, entry: str, principal: Principal) -> str:
    """How one value of a Principal element names the caller: "", "account", "role" or "self"."""
    if entry == "*" and kind in {"*", "AWS"}:
        return "self"
    if kind == "Service":
        return "self" if principal.kind == "service" and entry == principal.arn else ""
    if kind == "Federated":
        return "self" if vouched(principal) and entry == principal.arn else ""
    if principal.kind in {"service", "anonymous"} or vouched(principal) or kind != "AWS":
        return ""
    if principal.kind == "root":
        return "account" if entry in {principal.account, f"arn:aws:iam::{principal.account}:root"} else ""
    if entry == principal.arn:
        return "self"
    if entry in {principal.account, f"arn:aws:iam::{principal.account}:root"}:
        return "account"
    if principal.role_arn:
        return "role" if entry in {principal.role_arn, principal.id.split(":")[0]} else ""
    return "self" if entry == principal.id else ""


def entries(element: Any) -> list[tuple[str, str]]:
    if element == "*":
        return [("*", "*")]
    return [(kind, value) for kind, values in element.items() for value in listed(values)]


def named(statement: dict[str, Any], request: Request, bounded: bool) -> set[str]:
    """In which ways Principal or NotPrincipal is about the caller."""
    caller = request.principal
    if "Principal" in statement:
        return {names(kind, entry, caller) for kind, entry in entries(statement["Principal"])} - {""}
    listing = entries(statement["NotPrincipal"])
    if bounded:
        return {"self"}
    # Whoever is left out is listed with every identity it has: itself, its role, its account.
    if any(entry == "*" and kind in {"*", "AWS"} for kind, entry in listing):
        return set()
    ways = [{names(kind, entry, caller) for kind, entry in listing}]
    wanted = [{"self"}]
    if caller.account and caller.kind != "service":
        wanted.append({"account"})
        if caller.kind == "root":
            wanted = [{"account"}]
        elif caller.role_arn:
            wanted.append({"role"})
    return set() if all(want <= ways[0] for want in wanted) else {"self"}


def named_in(name: str, statement: dict[str, Any], request: Request, given: dict[str, Any]) -> set[str]:
    """The same in the policy of that type. Gateway endpoints take an account for its root user alone.

    https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html#vpc-endpoint-policies-gateway
    """
    ways = named(statement, request, "boundary" in given)
    only_root = name == "endpoint" and "gateway" in given and request.principal.kind != "root"
    return ways - {"account"} if only_root else ways


def matching(request: Request, given: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Every statement that applies: the type, which policy of that type from 0, which statement of it."""
    caller = request.principal
    identified = caller.kind in {"user", "role", "root", "federated"} and not vouched(caller)
    linked = "/aws-service-role/" in caller.role_arn
    serves = caller.kind == "service" and "trust" in given and "/aws-service-role/" in request.resource
    left_out = {
        "rcps": linked or serves,
        "scps": linked or not identified,
        **dict.fromkeys(("identity", "boundary", "session"), not identified),
    }
    found = []
    for name, policies in given.items():
        if name in {"limits", "gateway"} or left_out.get(name):
            continue
        flat = [one for level in policies for one in level] if name in {"rcps", "scps"} else listed(policies)
        for place, policy in enumerate(flat):
            version = policy.get("Version", "2008-10-17")
            for index, statement in enumerate(listed(policy["Statement"])):
                about = name not in {"endpoint", "trust", "resource"} or named_in(name, statement, request, given)
                if about and applies(statement, request, version):
                    found.append((name, str(place), index))
    return found


def effects(policy: dict[str, Any], request: Request) -> set[str]:
    version = policy.get("Version", "2008-10-17")
    return {one["Effect"] for one in listed(policy["Statement"]) if applies(one, request, version)}


def all_effects(policies: list[dict[str, Any]], request: Request) -> set[str]:
    return set().union(*(effects(each, request) for each in policies))


def guard_effects(name: str, request: Request, given: dict[str, Any]) -> tuple[bool, set[str]]:
    """Whether the policy with principals denies, and in which ways it allows."""
    policy = given[name]
    version, denied, ways = policy.get("Version", "2008-10-17"), False, set()
    for statement in listed(policy["Statement"]):
        found = named_in(name, statement, request, given)
        if found and applies(statement, request, version):
            if statement["Effect"] == "Deny":
                denied = True
            else:
                ways |= found
    return denied, ways


def forbidden(request: Request, limits: str) -> bool:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html"""
    service, name = request.action.lower().split(":")
    if limits == "GetSessionToken":
        without_mfa = request.context.get("aws:multifactorauthpresent") != "true"
        return (service == "iam" and without_mfa) or (
            service == "sts" and name != "assumerole" and name != "getcalleridentity"
        )
    return limits == "GetFederationToken" and (service == "iam" or (service == "sts" and name != "getcalleridentity"))


def naive(request: Request, given: dict[str, Any]) -> tuple[bool, bool, str]:
    """(allowed, by an explicit Deny, the type that denied) from the JSON of the policies.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
    """
    caller = request.principal
    identified = caller.kind in {"user", "role", "root", "federated"} and not vouched(caller)
    linked = "/aws-service-role/" in caller.role_arn
    limits = "GetFederationToken" if caller.kind == "federated" else given.get("limits", "")
    says: dict[str, set[str]] = {}
    ways: set[str] = set()
    bounded = "boundary" in given

    serves = caller.kind == "service" and "trust" in given and "/aws-service-role/" in request.resource
    for name, applicable in (("rcps", not linked and not serves), ("scps", identified and not linked)):
        if applicable and given.get(name):
            levels = [all_effects(level, request) for level in given[name]]
            says[name] = set().union(*levels) & {"Deny"}
            if all("Allow" in level for level in levels):
                says[name] |= {"Allow"}
    for name in ("endpoint", "trust", "resource"):
        if name in given:
            denied, found = guard_effects(name, request, given)
            says[name] = ({"Deny"} if denied else set()) | ({"Allow"} if found else set())
            ways = ways if name == "endpoint" else found
    if identified:
        says["identity"] = all_effects(given["identity"], request) | ({"Allow"} if caller.kind == "root" else set())
        if bounded:
            says["boundary"] = effects(given["boundary"], request)
        if given.get("session") is not None:
            says["session"] = all_effects(given["session"], request)
        elif limits == "GetFederationToken":
            says["session"] = set()
    free = request.action.lower() in {"sts:getcalleridentity", "sts:getsessiontoken"} and identified
    outside = identified and bool(limits) and forbidden(request, limits)
    order = ("rcps", "scps", "endpoint", "trust", "resource", "identity", "boundary", "session")
    denying = [name for name in order if "Deny" in says.get(name, set())]
    if free and not (outside and "Deny" not in says.get("session", set())):
        return True, False, ""
    if denying:
        return False, True, denying[0]
    missing = [name for name in order if name in says and "Allow" not in says[name]]
    for name in ("rcps", "scps", "endpoint"):
        if name in missing:
            return False, False, name
    if outside:
        return False, False, "session"
    return granted(request, given, ways, missing)


def granted(request: Request, given: dict[str, Any], ways: set[str], missing: list[str]) -> tuple[bool, bool, str]:
    """The decision of the account's and the resource's policies when nothing above them or denying is left."""
    caller = request.principal
    guard = "trust" if "trust" in given else "resource"
    if caller.kind in {"service", "anonymous"} or vouched(caller):
        return bool(ways), False, "" if ways else guard
    if request.resource_account not in ("", caller.account):
        needed = [guard, "identity", "boundary", "session"]
        lacking = [name for name in needed if name in missing or (name == guard and not ways)]
    elif "self" in ways:
        lacking = []
    elif "role" in ways:
        lacking = [name for name in ("boundary", "session") if name in missing]
    else:
        must = "trust" in given or ("resource" in given and request.action.lower().startswith("kms:"))
        lacking = [guard] if must and not ways else []
        lacking += [name for name in ("identity", "boundary", "session") if name in missing]
    return not lacking, False, lacking[0] if lacking else ""
