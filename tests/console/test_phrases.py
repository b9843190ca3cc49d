"""What the server says in sentences of its own is known in Japanese: every sentence of its source has its phrase."""

import ast
import json
import re
from collections.abc import Iterator
from uuid import uuid4

import pytest

from kansatsu.lint import lint
from kansatsu.policy import PolicyType
from lint.mistakes import MISTAKES, written
from lint.test_rules import GRANTS

from .conftest import ROOT, WEB, Opens, Story, document
from .english import english
from .looks import look_all_over
from .test_iam import TRUST

# These stand around phrases of their own.
_OPEN = {"{steps}: {sentence}", "{one} and {other}"}
PHRASES: dict[str, str] = json.loads((WEB / "src" / "strings" / "server-ja.json").read_text())
SOURCE = ROOT / "src" / "kansatsu"
# What a part of a sentence that is made elsewhere may be; of others any word will do.
PARTS = {
    "nearest(": [".", "; did you mean x?"],
    "_better(": [".", "; did you mean x?"],
    "better": [".", "; did you mean x?"],
    "effect": ["does nothing", "never matches"],
    "verb": ["allowed", "denied"],
    "_verb(": ["allows", "denies"],
    "what": ["assume the role", "do this"],
    "few": ["x", "x or others", "x and 2 more"],
    "found.unit": ["bytes", "characters", "characters without white space"],
    "kind": ["a managed policy", "the default quota"],
    "_times(": ["once", "3 times"],
    "guard": ["policy", "trust policy"],
    "side": ["is there", "is missing"],
}
# Module -> the functions that say something to a reader, () for all.
SPEAKERS = {
    "lint/actions.py": ("unknown_action", "doubt", "redundant_value", "_unsupported", "unused_resource"),
    "lint/conditions.py": (),
    "policy/diagnosis.py": (
        *("_faults", "_characters", "_document", "_statement", "_principal"),
        *("_condition", "_about", "_unknown", "_twice"),
    ),
    "lint/documents.py": (),
    "lint/grants.py": (),
    "lint/names.py": ("malformed_account", "unknown_region", "_fault", "misspelt_service"),
    "lint/principals.py": ("public", "not_principal", "confused_deputy", "any_subject"),
    "lint/escalation.py": (),
    "services/kansatsu/notes.py": (),
    "services/kansatsu/commits.py": (),
    "services/kansatsu/imports.py": ("_needed",),
    "services/kansatsu/authorization_details.py": ("check_name",),
    "services/kansatsu/changes.py": ("_suggestion",),
    "services/iam/passwords.py": ("_count",),
    "identity/commits.py": (),
    "services/kansatsu/explain.py": ("_of_denial", "_unmet", "_two_sides", "_changes", "_of_events"),
    "advisor/replay.py": ("",),
    "advisor/shown.py": (),
    "workload/tasks/plan.py": ("_judged", "_moved", "_arrived"),
    "workload/tasks/runner.py": ("_look", "_ready"),
    "workload/attachment.py": ("check", "attach"),
}


def _spoken(node: ast.AST, within: str, wanted: tuple[str, ...]) -> Iterator[ast.expr]:
    """The sentences below a node: texts of several words that end, and are no docstrings or parts of others."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        inner = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else within
        if isinstance(child, ast.JoinedStr) or (isinstance(child, ast.Constant) and isinstance(child.value, str)):
            text = "".join(_texts(child)[0:1])
            if (not wanted or inner in wanted) and text.count(" ") > 2 and text[:1] not in " :;" and text[-1] in ".?":
                yield child
        else:
            yield from _spoken(child, inner, wanted)


def _texts(node: ast.expr) -> list[str]:
    """What the sentence may be, with each of its parts."""
    if isinstance(node, ast.Constant):
        return [re.sub(r"\{\w+\}", "x", str(node.value))]
    found = [""]
    for part in node.values if isinstance(node, ast.JoinedStr) else ():
        if isinstance(part, ast.Constant):
            choices = [str(part.value)]
        else:
            named = ast.unparse(part.value) if isinstance(part, ast.FormattedValue) else ""
            choices = next(
                (may for name, may in PARTS.items() if named == name or (name[-1] == "(" and named.startswith(name))),
                ["x"],
            )
        found = [before + choice for before in found for choice in choices]
    return found


def _all() -> Iterator[str]:
    for name, wanted in SPEAKERS.items():
        for node in _spoken(ast.parse((SOURCE / name).read_text()), "", wanted):
            yield from _texts(node)


def _known(text: str) -> bool:
    return any(
        re.fullmatch("(.+?)".join(map(re.escape, re.split(r"\{\w+\}", phrase))), text, re.S)
        for phrase in PHRASES
        if phrase not in _OPEN
    )


def test_every_sentence_of_the_source_has_its_phrase() -> None:
    found = list(dict.fromkeys(_all()))
    assert len(found) > 90
    assert [text for text in found if not _known(text)] == []


def test_every_finding_of_the_cases_of_lint_has_its_phrase() -> None:
    found = [one for _, kind, case, *_ in (*MISTAKES, *GRANTS) for one in lint(written(case, kind), kind)]
    texts = {one.message for one in found if one.rule not in ("privilege-escalation", "borrowed-role")}
    assert len(texts) > 40
    assert [text for text in texts if not _known(text)] == []


def test_phrases_say_the_same_values_in_japanese() -> None:
    places = re.compile(r"\{\w+\}")
    for phrase, said in PHRASES.items():
        assert sorted(places.findall(phrase)) == sorted(places.findall(said)), phrase
        assert re.search(r"[぀-ヿ一-鿿]", said) or not re.search(r"[A-Za-z]", places.sub("", phrase)), phrase


def test_the_editor_and_errors_speak_japanese(opens: Opens, story: Story) -> None:
    seen = opens("ja", "narrow")
    page = seen.page
    seen.sign_in()
    seen.open("policies")
    seen.button("create.policy").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(seen.t("name"), exact=True).fill("TeamAccess")
    box = dialog.get_by_role("textbox", name=seen.t("document"))
    box.fill(written({"Action": "s3:GetObjct"}, PolicyType.IDENTITY))
    dialog.get_by_text("アクション s3:GetObjct は AWS にありません。s3:GetObject ではありませんか?").wait_for()
    box.fill(written({"Action": "s3:GetObject"}, PolicyType.IDENTITY))
    dialog.get_by_role("button", name=seen.t("create"), exact=True).click()
    # AWS's words stay AWS's; what they are about is said in Japanese.
    dialog.get_by_text(seen.t("error.exists")).wait_for()
    assert dialog.get_by_text("EntityAlreadyExists").get_attribute("lang") == "en"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_editor_tells_all_that_is_malformed(opens: Opens, story: Story, language: str) -> None:
    """Not the first thing alone, and no list is cut off without a word; of a text that is no JSON, where it breaks."""
    seen = opens(language)
    page = seen.page
    seen.sign_in()
    seen.open("policies")
    seen.button("create.policy").first.click()
    dialog = page.get_by_role("dialog")
    box = dialog.get_by_role("textbox", name=seen.t("document"))
    statements = [{"Effect": "allow", "Action": f"s3:Get{n}", "Resource": "*"} for n in range(11)]
    box.fill(json.dumps({"Statement": statements}, indent=1))
    said = "Effect is Allow or Deny, written so."
    found = dialog.get_by_role("list", name=seen.t("lint")).get_by_text(PHRASES[said] if language == "ja" else said)
    more = dialog.get_by_role("button", name=seen.t("lint.all", n=3))
    more.wait_for()
    assert found.count() == 8
    more.click()
    seen.button("lint.few").wait_for()
    assert found.count() == 11
    look_all_over(seen, "malformed")
    box.fill('{\n"Statement": [1\n}')
    dialog.get_by_text(seen.t("document.noJsonAt", line=3, column=1)).wait_for()
    dialog.get_by_role("list", name=seen.t("lint")).get_by_text(seen.t("lint.line", line=3, column=1)).wait_for()
    assert not english(page) or language == "en"


def test_the_notes_of_a_proposal_speak_japanese(opens: Opens, story: Story) -> None:
    name = f"noted-{uuid4().hex[:8]}"
    story.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    story.iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=document("s3:GetObject", "sqs:*"))
    seen = opens("ja")
    seen.sign_in()
    seen.open("roles", name, "advisor")
    seen.button("unused").click()
    arn = f"arn:aws:iam::123456789012:role/{name}"
    said = PHRASES["{names} may act as {arn}: what a service does by itself is not on record."]
    said = said.replace("{names}", "ec2.amazonaws.com").replace("{arn}", arn)
    seen.page.get_by_role("dialog").get_by_text(said).wait_for()
