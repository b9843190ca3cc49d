"""Throws damaged and invented policy documents at the parser: each is a value or MalformedPolicyDocument, nothing else.

    python fuzz/policies.py [--seconds 60] [--seed 1] [CORPUS ...]

A corpus is a file or a directory of documents; without one the documents of tests/policy/cases and a few of its own
are taken. It mutates octets and structures; what parses is dumped, parsed again and evaluated with all explanations.
Whatever breaks is printed with its seed and text, and the exit code is 1. Standard library only.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from kansatsu import (  # noqa: E402 - found through the path above
    MalformedPolicyDocument,
    Policies,
    PolicySet,
    PolicyType,
    Principal,
    Request,
    Source,
    compile_policy,
    dump,
    evaluate,
    parse,
)

CALLER = Principal("111122223333", "arn:aws:iam::111122223333:user/bob", "user", id="AIDABOBBOBBOBBOBBOBBO")
OWN = [
    '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","NotAction":"s3:Get*","NotResource":'
    '"arn:aws:s3:::b/${aws:username, \'x\'}","Condition":{"ForAnyValue:StringLikeIfExists":{"k:a":["${*}a?"]},'
    '"DateLessThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},'
    '"BinaryEquals":{"k:b":"YQ=="},"NumericEquals":{"k:c":1e9},"Null":{"k:d":true},"ArnLike":{"k:e":"arn:*:*:*:*:*"}}}]}',
]
TOKENS = ["{", "}", "[", "]", '"', ":", ",", "${", "${*}", "*", "?", "\\u0000", "\\ud800", "\x00", "\ufeff", "1e999"]
TOKENS += ["null", "true", "-0", "NaN", "Infinity", "arn:aws:s3:::", "::", "\\", "é", "\U0001f600", "9" * 70, "[" * 40]
ODD: list[Any] = [
    None,
    True,
    0,
    -1.5,
    "",
    "*",
    "${",
    "${a:b}",
    [],
    {},
    [[]],
    {"AWS": "*"},
    {"": ""},
    "a" * 3000,
    ["*"] * 50,
]
ELEMENTS = ["Version", "Id", "Statement", "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource"]
ELEMENTS += ["Principal", "NotPrincipal", "Condition", "AWS", "Service", "StringLike", "k:a", ""]
VALUES = ["", "x", "*", "true", "1", "10.0.0.1", "2026-01-01", "YQ==", "arn:aws:s3:::b", "${k:a}", "\x00", "é" * 9]


def corpus(paths: list[Path]) -> list[str]:
    """The documents to start from."""
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    if files:
        return [file.read_text(errors="replace") for file in files if file.is_file()]
    found = list(OWN)
    for file in sorted((ROOT / "tests" / "policy" / "cases").glob("*.json")):
        found += [
            json.dumps({"Version": "2012-10-17", "Statement": each})
            for each in statements(json.loads(file.read_text()))
        ]
    return found


def statements(value: Any) -> Iterator[dict[str, Any]]:
    """Everything in a JSON value that looks like a statement."""
    if isinstance(value, dict):
        if "Effect" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from statements(item)


def damaged(text: str, chance: random.Random) -> str:
    """The text as some octets later."""
    raw = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(raw))
        end = min(len(raw), at + chance.choice([0, 0, 1, 2, 8, 40]))
        kind = chance.random()
        if kind < 0.4:
            raw[at:end] = chance.choice(TOKENS).encode("utf-8", "surrogatepass")
        elif kind < 0.7:
            raw[at:end] = chance.randbytes(chance.randint(0, 3))
        else:
            raw[at:at] = raw[at : at + chance.randint(1, 60)]
    # Whatever octets a request holds, they are decoded before they come to the parser: strictly, or one to one.
    return raw.decode(chance.choice(["latin-1", "utf-8"]), "surrogateescape" if chance.random() < 0.2 else "replace")


def bent(value: Any, chance: random.Random, depth: int = 0) -> Any:
    """The JSON value with one of its parts replaced, renamed, doubled or gone."""
    if chance.random() < 0.15 or not isinstance(value, dict | list) or not value or depth > 6:
        return chance.choice([chance.choice(ODD), chance.choice(VALUES), [value], value])
    if isinstance(value, list):
        at = chance.randrange(len(value))
        return [*value[:at], bent(value[at], chance, depth + 1), *value[at + chance.randint(0, 1) :]]
    key = chance.choice(list(value))
    changed = dict(value)
    part = changed.pop(key) if chance.random() < 0.3 else changed[key]
    name = key if chance.random() < 0.6 else chance.choice(ELEMENTS)
    changed[name] = bent(part, chance, depth + 1)
    return changed


def one(text: str, type: PolicyType, chance: random.Random) -> bool:
    """Parses and uses the document; whether it was valid."""
    try:
        document = parse(text, type)
    except MalformedPolicyDocument as refused:
        if not refused.message:
            raise AssertionError("refused without a sentence") from None
        return False
    if parse(dump(document), type) != document:
        raise AssertionError("what is dumped is another document")
    policy = compile_policy(document, Source(type))
    keys = [condition.key.lower() for statement in document.statements for condition in statement.conditions]
    context = {key: chance.choice([chance.choice(VALUES), tuple(chance.choices(VALUES, k=2))]) for key in keys}
    actions = [action for statement in document.statements for action in statement.actions] + ["s3:GetObject", ""]
    resources = [text for statement in document.statements for text in statement.resources] + ["*", "arn:aws:s3:::b"]
    request = Request(CALLER, chance.choice(actions), chance.choice(resources), context)
    for policies in applied(policy, type):
        decision = evaluate(request, policies)
        _ = decision.matched, decision.verdicts, decision.missing_keys
        if bool(decision.reason(request.action)) == decision.allowed:
            raise AssertionError("a denial has a reason, and nothing else has")
    return True


def applied(policy: Any, type: PolicyType) -> list[Policies]:
    """The policy in the place of its type."""
    alone = PolicySet([policy])
    places: dict[PolicyType, dict[str, Any]] = {
        PolicyType.BOUNDARY: {"boundary": policy},
        PolicyType.SESSION: {"session": alone},
        PolicyType.RESOURCE: {"resource": policy},
        PolicyType.TRUST: {"trust": policy},
        PolicyType.SCP: {"scps": (alone,)},
        PolicyType.RCP: {"rcps": (alone,)},
        PolicyType.VPC_ENDPOINT: {"vpc_endpoint": policy},
    }
    return [Policies(alone)] if type is PolicyType.IDENTITY else [Policies(PolicySet(), **places[type])]


def attempt(seed: int, documents: list[str]) -> tuple[str, PolicyType, random.Random]:
    """The document of a seed, and what it is taken for."""
    chance = random.Random(seed)  # noqa: S311 - a seed must give the same document again
    text = chance.choice(documents)
    if chance.random() < 0.6:
        try:
            value = json.loads(text)
        except ValueError:
            return damaged(text, chance), chance.choice(list(PolicyType)), chance
        for _ in range(chance.randint(1, 3)):
            value = bent(value, chance)
        text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.5:
        text = damaged(text, chance)
    return text, chance.choice(list(PolicyType)), chance


def main() -> int:
    """Runs until the time or the number is up, or something breaks."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("corpus", nargs="*", type=Path)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--count", type=int, default=sys.maxsize, help="stop after so many documents")
    options.add_argument("--seed", type=int, default=1, help="of the first document; the others follow")
    given = options.parse_args()
    documents, valid, seed = corpus(given.corpus), 0, given.seed
    end = time.monotonic() + given.seconds
    while seed < given.seed + given.count and time.monotonic() < end:
        text, kind, chance = attempt(seed, documents)
        try:
            valid += one(text, kind, chance)
        except Exception as broken:  # noqa: BLE001 - whatever it is, that is what the fuzzer looks for
            print(f"seed {seed}, a {kind}: {broken!r}\n{text!r}")
            return 1
        seed += 1
    print(f"{seed - given.seed} documents, {valid} of them valid, nothing broke")
    return 0


if __name__ == "__main__":
    sys.exit(main())
