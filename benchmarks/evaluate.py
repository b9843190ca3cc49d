"""Decisions per second: the policy engine against Cedar (cedarpy), the same 100 statements and 1,000 requests.

    .venv/bin/python benchmarks/evaluate.py [--rounds 20]

cedarpy is installed from PyPI into .cache/cedar. Principal and context are built anew for each request on both sides;
Cedar's policies are parsed beforehand. "cold" is the first pass after the documents are parsed, the others are warm.
CPU time of one process. The decisions of both are compared, so that nobody is fast by being wrong.
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
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "cedar"
ACCOUNT = "111122223333"
STATEMENTS = 100
REQUESTS = 1000
NAMES = ["bob", "al", "carol"]


def statements() -> list[dict[str, Any]]:
    """What both languages say: five actions each, a prefix of resources, half of them with a condition."""
    return [
        {
            "deny": number % 10 == 0,
            "actions": [f"s{number % 20}:Action{number}x{i}" for i in range(5)],
            "prefix": f"arn:aws:s{number % 20}:::bucket{number}/",
            "users": ["bob", "al"] if number % 2 else [],
        }
        for number in range(STATEMENTS)
    ]


def requests() -> list[tuple[str, str, str]]:
    """(action, resource, user name), of which about a half is allowed."""
    chance = random.Random(1)
    found = []
    for _ in range(REQUESTS):
        number = chance.randrange(STATEMENTS)
        bucket = number if chance.random() < 0.8 else (number + 1) % STATEMENTS
        action = f"s{number % 20}:Action{number}x{chance.randrange(5)}"
        found.append((action, f"arn:aws:s{bucket % 20}:::bucket{bucket}/key", chance.choice(NAMES)))
    return found


def aws() -> Callable[[str, str, str], bool]:
    """One decision by our engine."""
    sys.path.insert(0, str(ROOT / "src"))
    from kansatsu.policy import (
        Policies,
        PolicySet,
        PolicyType,
        Principal,
        Request,
        Source,
        compile_policy,
        evaluate,
        parse,
    )

    def policy(group: list[dict[str, Any]]) -> Any:
        document = {"Version": "2012-10-17", "Statement": [plain(each) for each in group]}
        return compile_policy(parse(json.dumps(document)), Source(PolicyType.IDENTITY))

    def plain(given: dict[str, Any]) -> dict[str, Any]:
        statement = {"Effect": "Deny" if given["deny"] else "Allow", "Action": given["actions"]}
        statement["Resource"] = given["prefix"] + "*"
        if given["users"]:
            statement["Condition"] = {"StringEquals": {"aws:username": given["users"]}}
        return statement

    every = statements()
    policies = Policies(PolicySet(policy(every[at : at + 10]) for at in range(0, STATEMENTS, 10)))

    def decide(action: str, resource: str, user: str) -> bool:
        principal = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/{user}", "user")
        return evaluate(Request(principal, action, resource, {"aws:username": user}), policies).allowed

    return decide


def cedar() -> Callable[[str, str, str], bool]:
    """One decision by Cedar."""
    import cedarpy

    def text(given: dict[str, Any]) -> str:
        actions = ",".join(f"Action::{json.dumps(action)}" for action in given["actions"])
        users = f"&& {json.dumps(given['users'])}.contains(context.username)" if given["users"] else ""
        effect = "forbid" if given["deny"] else "permit"
        condition = f'context.resource like "{given["prefix"]}*" {users}'
        return f"{effect}(principal, action in [{actions}], resource) when {{ {condition} }};"

    policies = cedarpy.PolicySet.from_str("\n".join(text(each) for each in statements()))
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


def measure(decide: Callable[[str, str, str], bool], rounds: int) -> tuple[float, float, list[bool]]:
    """Decisions per second, cold and warm, and the decisions."""
    asked = requests()
    started = time.process_time()
    answers = [decide(*each) for each in asked]
    cold = time.process_time() - started
    started = time.process_time()
    for _ in range(rounds):
        for each in asked:
            decide(*each)
    warm = (time.process_time() - started) / rounds
    return REQUESTS / cold, REQUESTS / warm, answers


def install() -> None:
    """cedarpy, importable here, once."""
    if not CACHE.exists():
        venv.create(CACHE, with_pip=True)
        subprocess.run([CACHE / "bin" / "pip", "install", "--quiet", "cedarpy"], check=True)
    sys.path.append(str(next(CACHE.glob("lib/python*/site-packages"))))


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=20)
    rounds = options.parse_args().rounds
    install()
    ours, theirs = measure(aws(), rounds), measure(cedar(), max(1, rounds // 10))
    if ours[2] != theirs[2]:
        raise SystemExit("the two engines decide differently")
    print(f"{'engine':<12}{'cold/s':>12}{'warm/s':>12}   {sum(ours[2])} of {REQUESTS} allowed")
    for name, (cold, warm, _) in (("kansatsu", ours), ("cedarpy", theirs)):
        print(f"{name:<12}{cold:>12,.0f}{warm:>12,.0f}")
    print(f"{'ratio':<12}{ours[0] / theirs[0]:>12.1f}{ours[1] / theirs[1]:>12.1f}")


if __name__ == "__main__":
    main()
