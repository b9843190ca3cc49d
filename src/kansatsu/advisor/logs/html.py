"""The report as one page without scripts: whoever opens it needs nothing else, and nothing in it asks anybody.

INVARIANT: names come from logs, which strangers write to: every text is escaped, and the page's own policy forbids
scripts, so that a role's name cannot become one.
"""

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from kansatsu.advisor.logs import charts
from kansatsu.advisor.logs.charts import Cell, Stack
from kansatsu.advisor.logs.report import UNKNOWN, UNUSED, USED, Outcome, Person, Service
from kansatsu.advisor.shown import when

_BARS, _ROWS, _COLUMNS, _CUTS, _FEW = 30, 60, 40, 50, 12  # of what a page can hold; all of it is in the CSV
_DAY = 86400.0
# Up to so many days ago: (days, words, class).
_AGES = (
    (1, "a day", "age1"), (7, "a week", "age2"), (30, "a month", "age3"), (90, "3 months", "age4"),
    (10**6, "longer ago", "age5"),
)  # fmt: skip
_STYLE = """
:root { color-scheme: light dark; --text: #1d2433; --soft: #5a6478; --page: #fff; --panel: #f4f6f9; --line: #d9dee7;
  --used: #12806a; --unused: #d64550; --unknown: #aab2bf; --age1: #0b5d4c; --age2: #12806a; --age3: #45a58f;
  --age4: #86c8b8; --age5: #d9b44a; }
@media (prefers-color-scheme: dark) { :root { --text: #e7eaf0; --soft: #a3adbd; --page: #14171d; --panel: #1e232c;
  --line: #343b48; --used: #2fb597; --unused: #ef6a73; --unknown: #626b7a; --age1: #8ff0d6; --age2: #3fcfae;
  --age3: #26977f; --age4: #1f6a5b; --age5: #b8963a; } }
body { margin: 0 auto; max-width: 1180px; padding: 24px; font: 15px/1.5 system-ui, sans-serif; color: var(--text);
  background: var(--page); }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 36px 0 6px; } p { margin: 4px 0 12px; }
.soft { color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 12px; margin: 18px 0; }
.tile { background: var(--panel); border-radius: 8px; padding: 10px 14px; }
.tile b { display: block; font-size: 24px; line-height: 1.25; }
.gaps { background: var(--panel); border-left: 4px solid var(--unused); padding: 10px 16px 10px 34px; margin: 0;
  overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--text); }
.used, .key.used { fill: var(--used); background: var(--used); }
.unused, .key.unused { fill: var(--unused); background: var(--unused); }
.unknown, .key.unknown { fill: var(--unknown); background: var(--unknown); }
.none { fill: var(--panel); }
.age1 { fill: var(--age1); background: var(--age1); } .age2 { fill: var(--age2); background: var(--age2); }
.age3 { fill: var(--age3); background: var(--age3); } .age4 { fill: var(--age4); background: var(--age4); }
.age5 { fill: var(--age5); background: var(--age5); }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin: 0 5px 0 0; }
.keys > span { display: inline-block; margin-right: 14px; }
table { border-collapse: collapse; width: 100%; min-width: 720px; font-size: 14px; }
th, td { text-align: left; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; padding-right: 22px; } td.name { overflow-wrap: anywhere; width: 38%; }
"""


def page(found: Outcome) -> str:
    """All of it."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    body = "".join(
        (
            *_head(found), *_tiles(found), *_gaps(found), *_ages(found), *_unused(found), *_heat(found), *_cuts(found),
            *_policies(found), *_strangers(found),
        )
    )  # fmt: skip
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>What is used</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def _head(found: Outcome) -> Iterator[str]:
    evidence = found.evidence
    yield "<h1>What is used of what is granted</h1>"
    span = f"{_date(evidence.first)} to {_date(evidence.last)}" if evidence.events else "nothing"
    sources = f"{evidence.files:,} files of CloudTrail ({span})"
    if evidence.told:
        sources += f" and {len(evidence.told)} of AWS's own reports of last access"
    made = f"{when(evidence.made):%Y-%m-%d %H:%M} UTC"
    yield f'<p class="soft">From {escape(sources)}, made {made} by kansatsu analyze.</p>'


def _tiles(found: Outcome) -> Iterator[str]:
    states = Counter(item.state for person in found.people for item in person.services)
    idle = sum(not person.last for person in found.people)
    cut = sum(person.cut for person in found.people)
    tiles = (
        (len(found.people), "users and roles"), (idle, "of them idle"), (states.total(), "services granted"),
        (states[USED], "used"), (states[UNUSED], "unused"), (states[UNKNOWN], "unknown"),
        (cut, "actions could go"), (found.evidence.events, "calls"),
    )  # fmt: skip
    yield '<div class="tiles">'
    yield from (f'<div class="tile"><b>{number:,}</b>{escape(text)}</div>' for number, text in tiles)
    yield "</div>"


def _gaps(found: Outcome) -> Iterator[str]:
    if found.gaps:
        yield "<h2>What this report cannot know</h2>"
        yield '<ul class="gaps">' + "".join(f"<li>{escape(gap)}</li>" for gap in found.gaps) + "</ul>"


def _ages(found: Outcome) -> Iterator[str]:
    counts: Counter[str] = Counter(_kind(found, item) for person in found.people for item in person.services)
    rows = [(words, kind, counts[kind]) for _, words, kind in _AGES]
    rows += [(UNUSED, UNUSED, counts[UNUSED]), (UNKNOWN, UNKNOWN, counts[UNKNOWN])]
    yield "<h2>Age of the last use</h2>"
    yield '<p class="soft">Each service that a user or role is granted, by when it was last tried: within …</p>'
    yield _wide(charts.columns(rows, "Granted services by the age of their last use"))


def _unused(found: Outcome) -> Iterator[str]:
    people = sorted(found.people, key=lambda item: (-item.count(UNUSED), -item.count(UNKNOWN), item.arn))[:_BARS]
    rows = [
        Stack(_label(item), [(state, item.count(state)) for state in (UNUSED, UNKNOWN, USED)], item.arn)
        for item in people
    ]
    yield "<h2>Services that are granted and not used</h2>"
    yield f"<p class=soft>{_some(_BARS, found)}{_keys((UNUSED, UNUSED), (UNKNOWN, UNKNOWN), (USED, USED))}</p>"
    yield _wide(charts.bars(rows, "Unused, unknown and used services of users and roles"))


def _heat(found: Outcome) -> Iterator[str]:
    held = Counter(item.namespace for person in found.people for item in person.services)
    used = Counter(item.namespace for person in found.people for item in person.services if item.state == USED)
    names = sorted(sorted(held, key=lambda name: (-used[name], -held[name], name))[:_COLUMNS])
    people = [person for person in found.people if person.services][:_ROWS]
    rows = [(_label(person), list(_cells(found, person, names))) for person in people]
    keys = _keys(*((kind, words) for _, words, kind in _AGES), (UNUSED, UNUSED), (UNKNOWN, UNKNOWN))
    columns = f"The {_COLUMNS} services that are used most. " if len(held) > _COLUMNS else ""
    yield "<h2>Services by users and roles</h2>"
    yield f"<p class=soft>{columns}{_some(_ROWS, found)}{keys}</p>"
    yield _wide(charts.heat(rows, names, "When each user and role last used each service"))


def _cells(found: Outcome, person: Person, names: Sequence[str]) -> Iterator[Cell]:
    services = {item.namespace: item for item in person.services}
    for name in names:
        item = services.get(name)
        if item is None:
            yield Cell("none", f"{person.name}: {name} is not granted")
        else:
            last = f", last on {_date(item.last)}" if item.last else ""
            yield Cell(_kind(found, item), f"{person.name}: {name} {item.state}{last}")


def _cuts(found: Outcome) -> Iterator[str]:
    yield "<h2>The biggest possible cuts</h2>"
    yield (
        "<p class=soft>Actions that are granted, were not used and would be on record if they had been. "
        "kansatsu policy suggest ARN --from REPORT proposes the smaller policies.</p>"
    )
    rows = (
        (_name(person), *_numbers(sum(item.actions for item in person.services), person.cut,
         sum(item.unknown for item in person.services)), escape(_few(_idle(person)) or "none"))
        for person in found.people[:_CUTS] if person.cut
    )  # fmt: skip
    titles = ("user or role", "actions granted", "could go", "unknown", "services without any use")
    yield _table(titles, rows, numbers={1, 2, 3})


def _policies(found: Outcome) -> Iterator[str]:
    """Policies of several, each with the services that none of its holders used."""
    holders: defaultdict[str, int] = defaultdict(int)
    states: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for person in found.people:
        policies = {policy for item in person.services for policy in item.policies if policy.startswith("arn:")}
        for policy in policies:
            holders[policy] += 1
        for item in person.services:
            for policy in item.policies:
                states[policy, item.namespace].add(item.state)
    idle: defaultdict[str, list[str]] = defaultdict(list)
    for (policy, namespace), seen in sorted(states.items()):
        if seen == {UNUSED} and policy in holders:
            idle[policy].append(namespace)
    order = sorted(idle, key=lambda policy: (-holders[policy] * len(idle[policy]), policy))[:_CUTS]
    if order:
        yield "<h2>Policies with services that nobody uses</h2>"
        rows = (
            (f'<td class="name">{escape(policy)}</td>', *_numbers(holders[policy]), escape(_few(idle[policy])))
            for policy in order
        )
        yield _table(("policy", "users and roles", "services"), rows, numbers={1})


def _strangers(found: Outcome) -> Iterator[str]:
    items = found.evidence.strangers[:_CUTS]
    if items:
        yield "<h2>Callers that are no user or role of the account</h2>"
        rows = (
            (
                escape(item.kind),
                f'<td class="name">{escape(item.arn or item.id or "-")}</td>',
                *_numbers(item.count),
                _date(item.last),
            )
            for item in items
        )
        yield _table(("kind", "who", "calls", "last"), rows, numbers={2})


def _kind(found: Outcome, item: Service) -> str:
    if item.state != USED:
        return item.state
    days = (found.evidence.made - item.last) / _DAY
    return next(kind for most, _, kind in _AGES if days <= most)


def _label(person: Person) -> str:
    return f"{person.kind}/{person.name}"


def _name(person: Person) -> str:
    note = f'<br><span class="soft">{escape(person.elsewhere)}</span>' if person.elsewhere else ""
    return f'<td class="name">{escape(person.arn)}{note}</td>'


def _idle(person: Person) -> list[str]:
    return [item.namespace for item in person.services if item.state == UNUSED]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_FEW]) + (f", {len(names) - _FEW} more" if len(names) > _FEW else "")


def _some(most: int, found: Outcome) -> str:
    count = len(found.people)
    return f"{most} of {count:,} users and roles; all are in services.csv. " if count > most else ""


def _keys(*items: tuple[str, str]) -> str:
    keys = (f'<span><span class="key {kind}"></span>{escape(words)}</span>' for kind, words in items)
    return f'<span class="keys">{"".join(keys)}</span>'


def _numbers(*values: int) -> Iterator[str]:
    return (f'<td class="number">{value:,}</td>' for value in values)


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]], numbers: set[int]) -> str:
    head = "".join(
        f'<th class="number">{title}</th>' if place in numbers else f"<th>{title}</th>"
        for place, title in enumerate(titles)
    )
    body = "".join(
        "<tr>" + "".join(cell if cell.startswith("<td") else f"<td>{cell}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _wide(chart: str) -> str:
    return f'<div class="wide">{chart}</div>'


def _date(seconds: float) -> str:
    return f"{when(seconds):%Y-%m-%d}"
