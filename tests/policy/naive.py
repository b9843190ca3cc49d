"""A second engine, written straight from the documentation: slow, without compilation, without indexes.

It works on the JSON of the policies and knows nothing of prefixes or regular expressions.
"""

import ipaddress
from collections.abc import Callable
from typing import Any

from kansatsu.policy import Principal, Request

Context = dict[str, str | tuple[str, ...]]

# A pattern is a list of items: a character, ANY (one character) or MANY; each wildcard says whether it takes a colon.
Item = tuple[str, bool]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def same(pattern: list[Item], text: str) -> bool:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html"""
    positions = {0}
    for kind, colon in pattern:
        following = set()
        for position in positions:
            if kind == "MANY":
                end = position
                while end < len(text) and (colon or text[end] != ":"):
                    end += 1
                following |= set(range(position, end + 1))
            elif position < len(text) and (
                text[position] == kind or (kind == "ANY" and (colon or text[position] != ":"))
            ):
                following.add(position + 1)
        positions = following
    return len(text) in positions


def substituted(text: str, context: Context, version: str) -> list[str | tuple[str]] | None:
    """The text with variables replaced: characters, and one-tuples for those that are literal. None: no value."""
    result: list[str | tuple[str]] = []
    while text:
        if version == "2012-10-17" and text.startswith("${"):
            inside, _, text = text[2:].partition("}")
            if inside in {"*", "?", "$"}:
                result.append((inside,))
                continue
            key, comma, default = inside.partition(",")
            value = context.get(key.strip().lower(), default.strip().strip("'") if comma else None)
            if not isinstance(value, str):
                return None
            result += [(character,) for character in value]
        else:
            result.append(text[0])
            text = text[1:]
    return result


def pattern(text: str, context: Context, version: str, colon: Callable[[int, bool], bool]) -> list[Item] | None:
    """`colon`: may a wildcard take a colon, given the part of the ARN (from 0) and whether it ends its part?"""
    parts = substituted(text, context, version)
    if parts is None:
        return None
    items: list[Item] = []
    number = 0
    for index, character in enumerate(parts):
        if character == ":":
            number = min(number + 1, 5)
        ends = index + 1 == len(parts) or parts[index + 1] == ":"
        if isinstance(character, tuple):
            items.append((character[0], False))
        elif character == "*":
            items.append(("MANY", colon(number, ends)))
        elif character == "?":
            items.append(("ANY", colon(number, False)))
        else:
            items.append((character, False))
    return items


def matches(text: str, value: str, context: Context, version: str, colon: Callable[[int, bool], bool]) -> bool:
    found = pattern(text, context, version, colon)
    return found is not None and same(found, value)


def action_matches(given: str, action: str) -> bool:
    if given in {"*", "*:*"}:
        return True
    service, name = given.lower().split(":")
    wanted, _, asked = action.lower().partition(":")
    return service == wanted and matches(name, asked, {}, "2008-10-17", lambda *_: True)


def early_variable(text: str, version: str) -> bool:
    """Is there a variable, not just an escaped character, before the fifth colon?"""
    for escaped in ("${*}", "${?}", "${$}"):
        text = text.replace(escaped, "x")
    return version == "2012-10-17" and "${" in text and text[: text.index("${")].count(":") < 5


def resource_matches(given: str, resource: str, context: Context, version: str) -> bool:
    if set(given) == {"*"}:
        return True
    if resource == "*" or early_variable(given, version):
        return False
    return matches(given, resource, context, version, lambda part, ends: part == 5 or ends)


def resource_element(statement: dict[str, Any], resource: str, context: Context, version: str) -> bool:
    if "Resource" in statement:
        return any(resource_matches(one, resource, context, version) for one in listed(statement["Resource"]))
    if "NotResource" in statement:
        excluded = listed(statement["NotResource"])
        if any(substituted(one, context, version) is None or early_variable(one, version) for one in excluded):
            return False
        return not any(resource_matches(one, resource, context, version) for one in excluded)
    return True


def plain(text: str, context: Context, version: str) -> str | None:
    parts = substituted(text, context, version)
    return None if parts is None else "".join("".join(part) for part in parts)


def arn_like(policy: str, value: str, context: Context, version: str) -> bool:
    if set(policy) == {"*"}:
        return True
    if early_variable(policy, version) or policy.count(":") < 5:
        return False
    return matches(policy, value, context, version, lambda part, _: part == 5)


def in_network(policy: str, value: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(policy, strict=False)
    except ValueError:
        return False


def number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def compare_numbers(sign: Callable[[float, float], bool]) -> Callable[[str, str, Context, str], bool]:
    def compare(policy: str, value: str, _: Context, __: str) -> bool:
        left, right = number(value), number(policy)
        return left is not None and right is not None and sign(left, right)

    return compare


Comparison = Callable[[str, str, Context, str], bool]
POSITIVE: dict[str, Comparison] = {
    "StringEquals": lambda p, v, c, o: plain(p, c, o) == v,
    "StringEqualsIgnoreCase": lambda p, v, c, o: (
        v.lower() in {text.lower() for text in [plain(p, c, o)] if text is not None}
    ),
    "StringLike": lambda p, v, c, o: matches(p, v, c, o, lambda *_: True),
    "ArnLike": arn_like,
    "ArnEquals": arn_like,
    "IpAddress": lambda p, v, _, __: in_network(p, v),
    "Bool": lambda p, v, _, __: p.lower() == v.lower(),
    "NumericEquals": compare_numbers(lambda a, b: a == b),
    "NumericLessThan": compare_numbers(lambda a, b: a < b),
    "NumericGreaterThanEquals": compare_numbers(lambda a, b: a >= b),
}
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
}


def condition_true(operator: str, key: str, policy: list[str], context: Context, version: str) -> bool:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""
    given = context.get(key.lower())
    values = list(given) if isinstance(given, tuple) else [] if given is None else [given]
    if operator == "Null":
        return ("false" if any(values) else "true") in policy
    qualifier, _, base = operator.rpartition(":")
    if_exists = base.endswith("IfExists")
    base = base.removesuffix("IfExists")
    negated = base in NEGATED
    compare = POSITIVE[NEGATED.get(base, base)]

    def one(value: str) -> bool:
        return any(compare(each, value, context, version) for each in policy) != negated

    if qualifier:
        if not any(values):
            return if_exists or qualifier == "ForAllValues"
        return all(map(one, values)) if qualifier == "ForAllValues" else any(map(one, values))
    if not values:
        return negated or if_exists
    return negated if isinstance(given, tuple) else one(values[0])


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


def names(kind: str, entry: str, principal: Principal) -> str:
    """How one value of a Principal element names the caller: "", "account", "role" or "self"."""
    if entry == "*" and kind in {"*", "AWS"}:
        return "self"
    if kind == "Service":
        return "self" if principal.kind == "service" and entry == principal.arn else ""
    if principal.kind in {"service", "anonymous"} or kind != "AWS":
        return ""
    if principal.kind == "root":
        return "account" if entry in {principal.account, f"arn:aws:iam::{principal.account}:root"} else ""
    if entry == principal.arn:
        return "self"
    if entry in {principal.account, f"arn:aws:iam::{principal.account}:root"}:
        return "account"
    if principal.role_arn:
        return "role" if entry in {principal.role_arn, principal.id} else ""
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
    if any(entry == "*" for _, entry in listing):
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


def effects(policy: dict[str, Any], request: Request) -> set[str]:
    version = policy.get("Version", "2008-10-17")
    return {one["Effect"] for one in listed(policy["Statement"]) if applies(one, request, version)}


def all_effects(policies: list[dict[str, Any]], request: Request) -> set[str]:
    return set().union(*(effects(each, request) for each in policies))


def guard_effects(policy: dict[str, Any], request: Request, bounded: bool) -> tuple[bool, set[str]]:
    """Whether the policy with principals denies, and in which ways it allows."""
    version, denied, ways = policy.get("Version", "2008-10-17"), False, set()
    for statement in listed(policy["Statement"]):
        found = named(statement, request, bounded)
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
    identified = caller.kind in {"user", "role", "root", "federated"}
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
            denied, found = guard_effects(given[name], request, bounded)
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
    if caller.kind in {"service", "anonymous"}:
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
