"""Every setting, command, flag, exit code and check is documented, and nothing is documented that is not there."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kansatsu.cli import doctor, values
from kansatsu.cli.output import Exit
from kansatsu.cli.root import cli
from kansatsu.cli.settings import SETTINGS, load
from kansatsu.lint import RULES, lint
from lint.mistakes import IDENTITY, RESOURCE, TRUST, written

ROOT = Path(__file__).parents[2]
CLI = "".join(page.read_text() for page in sorted((ROOT / "docs").glob("cli*.md")))
SETTING_FLAGS = {"--" + setting.name for setting in SETTINGS} | {"--config"}


def first_cells(page: str) -> list[str]:
    """The first cell of every table row of a page, where it is code or a number."""
    return re.findall(r"^\| `?([^|`]+?)`? \|", (ROOT / "docs" / page).read_text(), re.MULTILINE)


def commands() -> Iterator[tuple[str, click.Command]]:
    def walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        if isinstance(command, click.Group):
            with click.Context(command) as context:
                for child in command.list_commands(context):
                    found = command.get_command(context, child)
                    assert found is not None
                    yield from walk(f"{name} {child}", found)
        else:
            yield name, command

    yield from walk("kansatsu", cli)


COMMANDS = dict(commands())


def section(name: str) -> str:
    parts = re.split(r"^##? (.+)$", CLI, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True)).get(name, "")


def test_settings() -> None:
    assert first_cells("settings.md")[2:] == [setting.name for setting in SETTINGS]


def test_settings_defaults_are_the_documented_ones() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    for name, value, _ in load(environ={}).shown():
        if name != "data-dir":
            assert f"| `{name}` | `{value}` |" in page


def test_commands() -> None:
    assert set(re.findall(r"^## (kansatsu .+)$", CLI, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_flags(name: str) -> None:
    """Settings as flags are the settings page's; every other flag stands in the command's own section."""
    text = section(name)
    options = [p for p in COMMANDS[name].params if isinstance(p, click.Option)]
    own = {spelt for option in options for spelt in option.opts} - SETTING_FLAGS
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    documented = set(re.findall(r"`(--?[a-z][a-z-]*)`", prose))
    assert own <= documented
    assert documented <= own | {spelt for option in options for spelt in option.opts}


EXAMPLES = {name: command.epilog.partition("Example: ")[2] for name, command in COMMANDS.items() if command.epilog}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_a_help_is_no_wrong_usage(name: str) -> None:
    """It is in one line of the help, and the command takes its words."""
    line = EXAMPLES[name]
    assert f"  Example: {line}\n" in CliRunner().invoke(cli, [*name.split()[1:], "--help"]).output
    assert line.startswith(f"{name} ")
    COMMANDS[name].make_context(name, shlex.split(line)[len(name.split()) :])


def test_commands_that_take_settings_take_all() -> None:
    for name in ("kansatsu up", "kansatsu config", "kansatsu doctor"):
        taken = {spelt for parameter in COMMANDS[name].params for spelt in parameter.opts}
        assert taken >= SETTING_FLAGS
        assert "(settings.md)" in section(name) or name == "kansatsu doctor"


def test_exit_codes() -> None:
    assert [int(cell) for cell in first_cells("cli.md") if cell.isdigit()] == [int(code) for code in Exit]


def test_checks() -> None:
    given = {"data-dir": ["/nowhere"], "listen": [str(values.Address("127.0.0.1", 0))], "engine": ["none"]}
    settings = load(given, environ={}).settings
    found = [finding.name for look in doctor.LOOKS for finding in look(settings)]
    assert first_cells("doctor.md")[2:] == found


def anchors(page: Path) -> set[str]:
    """The names by which GitHub leads to the headings of a page."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target, mark in re.findall(r"\]\((?!http)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
            led = page.parent / target if target else page
            assert led.exists(), f"{page.name}: {target}"
            assert not mark or mark in anchors(led), f"{page.name}: {target}#{mark}"


def test_the_overview_leads_to_every_command() -> None:
    overview = (ROOT / "docs" / "cli.md").read_text()
    listed = re.findall(r"\[`([^`]+)`\]\(cli-\w+\.md#kansatsu-([\w-]+)\)", overview)
    assert [name.replace(" ", "-") for name, _ in listed] == [mark for _, mark in listed]
    assert sorted(f"kansatsu {name}" for name, _ in listed) == sorted(COMMANDS)


def test_lint_rules() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (error|warning|note) \| (.+) \| (.+) \|$", section("kansatsu policy lint"), re.MULTILINE
    )
    assert [row[:3] for row in rows] == [(rule.id, str(rule.severity), rule.summary) for rule in RULES.values()]
    for rule, _, _, example in rows:
        if example.startswith("`"):  # statements, of which some policy has the rest
            cases = json.loads(f"[{example.strip('`')}]")
            for each in cases:
                each |= {name.removeprefix("Not"): None for name in each if name.startswith("Not")}
            case = cases if len(cases) > 1 else cases[0]
            texts = {kind: written(case, kind) for kind in (IDENTITY, RESOURCE, TRUST)}
            assert any(rule in {each.rule for each in lint(text, kind)} for kind, text in texts.items()), rule
