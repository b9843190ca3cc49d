"""Decisions per second: the policy engine against Cedar (cedarpy) and Rego (regopy), the same statements and requests.

    .venv/bin/python benchmarks/evaluate.py [--seconds 2]

The peers are installed from PyPI into .cache/evaluate. There are 1, 10, 100 and 1,000 statements about 500 or more
distinct actions, none of them `*`; 1,000 requests, of which some are allowed, some denied and some not mentioned.
Principal and context are built anew for each request on all sides; the peers' policies are parsed beforehand. "cold"
is the first pass over the requests after the documents are parsed, "warm" are later ones, "explained" warm ones of
which everything that a decision tells is read; Cedar's says the deciding policies anyhow. "first" is the first decision
of a principal, from the text of its policies on. CPU time of one process. The decisions of all are compared, so that
nobody is fast by being wrong.
"""

import argparse
import json
import random
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "evaluate"
ACCOUNT = "111122223333"
SIZES = (1, 10, 100, 1000)
ACTIONS = 500
REQUESTS = 1000
NAMES = ["bob", "al", "carol"]
GOALS = ("warm, x cedarpy, at 100", 50.0), ("explained, x cedarpy, at 100", 10.0)

Decide = Callable[[str, str, str], bool]
Statement = dict[str, Any]


def statements(size: int) -> list[Statement]:
    """What all languages say: at least five actions each, a prefix of resources, half of them with a condition."""
    each = max(5, ACTIONS // size)
    return [
        {
            "deny": number % 10 == 9,
            "actions": [f"s{number % 20}:Action{number}x{i}" for i in range(each)],
            "prefix": f"arn:aws:s{number % 20}:::bucket{number}/",
            "users": ["bob", "al"] if number % 2 else [],
        }
        for number in range(size)
    ]


def requests(size: int) -> list[tuple[str, str, str]]:
    """(action, resource, user name), of which about a half is allowed."""
    chance = random.Random(1)
    every = statements(size)
    found = []
    for _ in range(REQUESTS):
        number = chance.randrange(size)
        bucket = number if chance.random() < 0.8 else number + 1
        action = chance.choice(every[number]["actions"])
        found.append((action, f"arn:aws:s{bucket % 20}:::bucket{bucket}/key", chance.choice(NAMES)))
    return found


def texts(size: int) -> list[str]:
    """The statements as AWS's documents of ten statements."""

    def plain(given: Statement) -> Statement:
        statement = {"Effect": "Deny" if given["deny"] else "Allow", "Action": given["actions"]}
        statement["Resource"] = given["prefix"] + "*"
        if given["users"]:
            statement["Condition"] = {"StringEquals": {"aws:username": given["users"]}}
        return statement

    every = [plain(each) for each in statements(size)]
    groups = [every[at : at + 10] for at in range(0, size, 10)]
    return [json.dumps({"Version": "2012-10-17", "Statement": group}) for group in groups]


def aws(given: list[str], *, explained: bool = False) -> Decide:
    """One decision by our engine."""
    from kansatsu import Policies, PolicySet, PolicyType, Principal, Request, Source, compile_policy, evaluate, parse

    source = Source(PolicyType.IDENTITY)
    policies = Policies(PolicySet(compile_policy(parse(text), source) for text in given))

    def decide(action: str, resource: str, user: str) -> bool:
        principal = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/{user}", "user")
        return evaluate(Request(principal, action, resource, {"aws:username": user}), policies).allowed

    def explain(action: str, resource: str, user: str) -> bool:
        principal = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/{user}", "user")
        decision = evaluate(Request(principal, action, resource, {"aws:username": user}), policies)
        _ = decision.matched, decision.verdicts, decision.missing_keys, decision.reason(action)
        return decision.allowed

    return explain if explained else decide


def cedar(size: int) -> Decide:
    """One decision by Cedar."""
    import cedarpy

    def text(given: Statement) -> str:
        actions = ",".join(f"Action::{json.dumps(action)}" for action in given["actions"])
        users = f"&& {json.dumps(given['users'])}.contains(context.username)" if given["users"] else ""
        effect = "forbid" if given["deny"] else "permit"
        condition = f'context.resource like "{given["prefix"]}*" {users}'
        return f"{effect}(principal, action in [{actions}], resource) when {{ {condition} }};"

    policies = cedarpy.PolicySet.from_str("\n".join(text(each) for each in statements(size)))
    entities = cedarpy.Entities.from_json_str("[]")

    def decide(action: str, resource: str, user: str) -> bool:
        request = {
            "principal": f'User::"{user}"',
            "action": f"Action::{json.dumps(action)}",
            "resource": 'Resource::"any"',
            "context": {"username": user, "resource": resource},
        }
        return bool(cedarpy.is_authorized(request, policies, entities).allowed)

    return decide


REGO = """package iam
import rego.v1

default allow := false

fits(statement) if {
    startswith(input.resource, statement.prefix)
    user_fits(statement)
}

user_fits(statement) if count(statement.users) == 0

user_fits(statement) if input.username in statement.users

denied if {
    some number in data.denies[input.action]
    fits(data.statements[number])
}

allow if {
    some number in data.allows[input.action]
    fits(data.statements[number])
    not denied
}
"""


def rego(size: int) -> Decide:
    """One decision by Rego; the statements lie in its data by action, as one would write it for speed."""
    import regopy

    every = statements(size)
    data: dict[str, Any] = {"statements": every, "allows": {}, "denies": {}}
    for number, each in enumerate(every):
        for action in each["actions"]:
            data["denies" if each["deny"] else "allows"].setdefault(action, []).append(number)
    interpreter = regopy.Interpreter()
    interpreter.add_module("iam", REGO)
    interpreter.add_data(data)
    bundle = interpreter.build(None, ["iam/allow"])

    def decide(action: str, resource: str, user: str) -> bool:
        interpreter.set_input({"action": action, "resource": resource, "username": user})
        said = json.loads(str(interpreter.query_bundle_entrypoint(bundle, "iam/allow")))
        return bool(said["expressions"][0])

    return decide


class Measured(NamedTuple):
    """Decisions per second of CPU time, and the decisions to the first requests."""

    cold: float
    warm: float
    answers: list[bool]


def measure(decide: Decide, asked: list[tuple[str, str, str]], seconds: float) -> Measured:
    """Asks everything once, and then again until the time is up (once at least); stops early for the very slow."""
    answers: list[bool] = []
    started = time.process_time()
    while len(answers) < len(asked) and time.process_time() - started < seconds:
        answers.append(decide(*asked[len(answers)]))
    cold = len(answers) / (time.process_time() - started)
    asked = asked[: len(answers)]
    done, started = 0, time.process_time()
    while not done or time.process_time() - started < seconds:
        for each in asked[:200]:
            decide(*each)
        done += len(asked[:200])
        asked = asked[200:] + asked[:200]
    return Measured(cold, done / (time.process_time() - started), answers)


def first(size: int) -> float:
    """Milliseconds from the texts of the policies to the first decision: the middle one of eleven."""
    asked, given, times = requests(size)[0], texts(size), []
    for _ in range(11):
        started = time.process_time()
        aws(given)(*asked)
        times.append((time.process_time() - started) * 1000)
    return sorted(times)[5]


def install() -> None:
    """The peers, importable here, once."""
    if not CACHE.exists():
        venv.create(CACHE, with_pip=True)
        subprocess.run([CACHE / "bin" / "pip", "install", "--quiet", "cedarpy", "regopy"], check=True)
    sys.path.append(str(next(CACHE.glob("lib/python*/site-packages"))))


def agree(size: int, found: dict[str, Measured]) -> None:
    """Ends the program when two engines decide differently."""
    ours = found["kansatsu"].answers
    for name, each in found.items():
        if each.answers != ours[: len(each.answers)]:
            raise SystemExit(f"{name} and kansatsu decide differently at {size} statements")


def table(seconds: float) -> dict[int, dict[str, Measured]]:
    """Measures everything and prints a line for each."""
    found: dict[int, dict[str, Measured]] = {}
    print(f"{'statements':>10} {'engine':<12}{'cold/s':>12}{'warm/s':>12}{'explained/s':>13}{'first':>10}")
    for size in SIZES:
        asked, given = requests(size), texts(size)
        ours = measure(aws(given), asked, seconds)
        told = measure(aws(given, explained=True), asked, seconds)
        found[size] = {"kansatsu": ours, "explained": told}
        print(f"{size:>10} {'kansatsu':<12}{ours.cold:>12,.0f}{ours.warm:>12,.0f}{told.warm:>13,.0f}", end="")
        print(f"{first(size):>7.2f} ms   {sum(ours.answers)} of {REQUESTS} allowed")
        for name, peer in (("cedarpy", cedar), ("regopy", rego)):
            theirs = found[size][name] = measure(peer(size), asked, seconds)
            print(f"{'':>10} {name:<12}{theirs.cold:>12,.0f}{theirs.warm:>12,.0f}")
        agree(size, found[size])
    return found


def main() -> None:
    """Prints the table and how the goals are met."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=2, help="of CPU time for each measurement")
    seconds = options.parse_args().seconds
    sys.path.insert(0, str(ROOT / "src"))
    install()
    begun = first(100)  # before the peers fill the memory
    found = table(seconds)
    theirs = found[100]["cedarpy"].warm
    ratios = (found[100]["kansatsu"].warm / theirs, found[100]["explained"].warm / theirs)
    for (goal, least), ratio in zip(GOALS, ratios, strict=True):
        print(f"{goal}: {ratio:.0f} (goal: {least:.0f})")
    growth = found[10]["kansatsu"].warm / found[1000]["kansatsu"].warm
    print(f"cost of a decision at 1,000 statements, x that at 10: {growth:.2f} (goal: at most 2)")
    print(f"first decision of a principal with 100 statements: {begun:.2f} ms (goal: less than 5)")


if __name__ == "__main__":
    main()
