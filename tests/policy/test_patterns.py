"""Pattern matching under attack, and against a matcher that is too simple to be wrong."""

import random
from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansatsu.policy import PolicySet, PolicyType, Source, compile_policy, parse
from kansatsu.policy._patterns import arns, globs, resources
from policy import naive_matching as naive

LONG = "z" * 300


@cache
def simple(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return simple(pattern[1:], text) or (bool(text) and simple(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and simple(pattern[1:], text[1:])


@settings(max_examples=1000, deadline=None)
@given(st.text("ab*?.:", max_size=8), st.text("ab.:", max_size=10))
def test_globs_are_what_they_look_like(pattern: str, text: str) -> None:
    assert globs([pattern], variables=False).match(text, {}) == simple(pattern, text)
    # A long text is matched in another way than a short one.
    assert globs([LONG + pattern], variables=False).match(LONG + text, {}) == simple(pattern, text)


def test_arns_are_matched_part_by_part() -> None:
    """Against the naive engine: 1,500 patterns, each with texts of which most nearly match."""
    chance = random.Random(1)
    stands_for = {"*": ["", "a", ":", "a:", "aa"], "?": ["a", "a", ":"], "a": ["a"] * 20 + ["", "b", "*"]}
    answers = Counter[bool]()
    for number in range(1500):
        lengths = [chance.randint(0, 3) for _ in range(chance.randint(3, 8))]
        pattern = ":".join("".join(chance.choices("aaa*?", k=length)) for length in lengths)
        end = chance.choice(["", "a", ":", "*"])
        if pattern.count(":") >= 5:  # variables stand in the sixth part only
            pattern += chance.choice(["", "${k:v}", "${*}"])
        spelt = pattern.replace("${k:v}", end).replace("${*}", "b")
        texts = ["".join(chance.choice(stands_for.get(letter, [letter])) for letter in spelt) for _ in range(5)]
        for compiled, simply in ((resources, naive.resource_matches), (arns, naive.arn_like)):
            for more in ("", LONG) if number % 5 == 0 else ("",):
                match = compiled([pattern + more], variables=True).match
                for text in texts:
                    found, context = match(text + more, {"k:v": end}), {"k:v": end}
                    assert found == simply(pattern + more, text + more, context, "2012-10-17"), (
                        compiled,
                        pattern,
                        text,
                    )
                    answers[found] += 1
    assert answers[True] > 1500 < answers[False], answers


@settings(max_examples=500, deadline=None)
@given(st.text("ab*?", max_size=6), st.text("ab*?.${}\\", max_size=6), st.text("ab*?.${}\\", max_size=6))
def test_substituted_values_are_literal(tail: str, value: str, other: str) -> None:
    # INVARIANT: a value with wildcards, braces or backslashes in it matches itself only.
    patterns = resources([f"arn:aws:s3:::b/${{k:v}}/{tail}"], variables=True)
    fitting = tail.replace("*", "").replace("?", "a")
    assert patterns.match(f"arn:aws:s3:::b/{value}/{fitting}", {"k:v": value})
    if other != value:
        assert not patterns.match(f"arn:aws:s3:::b/{other}/{fitting}", {"k:v": value}) or "/" in other


@pytest.mark.parametrize("value", ["*", "?", ".*", "[^:]*", "(?:x)", "\\1", "(?P=v0)", "a|x", "bob\0", "${k:w}", ""])
def test_a_value_cannot_open_another_users_folder(value: str) -> None:
    patterns = resources(["arn:aws:s3:::home/${k:v}/*"], variables=True)
    assert not patterns.match("arn:aws:s3:::home/x/secret", {"k:v": value, "k:w": "x"})


# INVARIANT: no character of a key is a way out of a Deny.
@pytest.mark.parametrize("tail", ["y", "y\0", "\0", "\0y", "(?P=v0)", "y\n"])
@pytest.mark.parametrize("name", ["bob", "b\0b", "(?P=v0)", "b.*b"])
def test_a_null_character_is_one_like_any_other(name: str, tail: str) -> None:
    context = {"aws:username": name}
    texts = ["arn:aws:s3:::b/*/${aws:username}/*"]
    assert resources(texts, variables=True).match(f"arn:aws:s3:::b/team/{name}/{tail}", context)
    assert not resources(texts, variables=True).match(f"arn:aws:s3:::b/team/{name}x/{tail}", context)
    assert globs(["${aws:username}/*?"], variables=True).match(f"{name}/{tail}", context)
    assert not globs(["${aws:username}/*?"], variables=True).match(f"x{name}/{tail}", context)


def test_a_null_character_cannot_move_the_border_between_value_and_subject() -> None:
    patterns = resources(["arn:aws:s3:::${k:v}${k:w}"], variables=True)
    assert not patterns.match("a\0arn:aws:s3:::ba", {"k:v": "b", "k:w": "a"})
    assert not patterns.match("arn:aws:s3:::ba", {"k:v": "b\0a", "k:w": ""})
    assert not globs(["*${k:v}"], variables=True).match("ax", {"k:v": "x\0y"})


MANY = "a*" * 60
SLOW = [
    f"arn:aws:s3:::{MANY}b",
    f"arn:aws:s3:::{'*a' * 60}b",
    f"arn:aws:s3:{MANY}b:x:y",
    f"arn:aws:{MANY}:{MANY}:{MANY}:{MANY}b",
    f"arn:aws:s3:::{MANY}${{k:v}}{MANY}b",
    f"arn:aws:{'?*' * 60}b:*:*:{MANY}b",
]


@pytest.mark.parametrize("pattern", SLOW)
@pytest.mark.parametrize("head", ["arn:aws:s3:::", "arn:aws:s3:" + "a" * 500 + ":", "arn:aws:" + "a:" * 300])
def test_no_pattern_makes_matching_explode(pattern: str, head: str) -> None:
    # INVARIANT: the work grows with length times length at most; backtracking would run into pytest's time limit.
    subject = head + "a" * 2000
    for patterns in (resources([pattern], variables=True), arns([pattern], variables=True)):
        assert not patterns.match(subject, {"k:v": "a"})


def test_a_long_key_and_a_session_policy_do_not_stop_everybody() -> None:
    """The attack: whoever may assume a role brings the pattern, and names a key of 60,000 characters."""
    patterns = resources([f"arn:aws:*3:::open/{'*a' * 900}b"], variables=True)
    assert not patterns.match("arn:aws:s3:::open/" + "a" * 60_000, {})
    assert patterns.match("arn:aws:s3:::open/" + "a" * 60_000 + "b", {})


def test_the_memory_for_actions_is_bounded() -> None:
    text = '{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}'
    policies = PolicySet([compile_policy(parse(text), Source(PolicyType.IDENTITY))])
    for number in range(10_000):
        assert policies.verdict(f"s3:Action{number}", "*", {}) == "allowed"
    assert len(policies._memo) <= 4096
