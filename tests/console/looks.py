"""What a page must be like: no serious fault, nothing wider than the screen, no word torn in two, none in English.

With CONSOLE_SCREENSHOTS=DIRECTORY pictures are put there; docs/images has those of the main pages. Japanese
needs fonts-noto-cjk for them.
"""

import os
from pathlib import Path

from .conftest import WEB, Seen
from .english import english

AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
_RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']}"

# Words that are on two lines; of those longer than a line of a narrow table nobody can say where they should break.
_TORN = """() => {
  const walker = document.createTreeWalker(document.querySelector("main") ?? document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.parentElement.checkVisibility() || node.parentElement.closest("textarea, pre")) continue;
    for (const word of node.data.matchAll(/[A-Za-z0-9]{2,20}(?![A-Za-z0-9])/g)) {
      if (/[A-Za-z0-9]/.test(node.data[word.index - 1] ?? "")) continue;
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map(one => Math.round(one.top)));
      if (lines.size > 1) found.push(word[0]);
    }
  }
  return [...new Set(found)];
}"""


def look(seen: Seen, name: str, width: str) -> None:
    """At the page as it is now; its faults are among those of the test."""
    page = seen.page
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if wider > 0:
        seen.errors.append(f"{name} is {wider} pixels wider than the screen")
    if torn := page.evaluate(_TORN):
        seen.errors.append(f"{page.url}: {name}, {width}: torn words: {torn}")
    if seen.language == "ja":
        seen.errors += [f"{name}: {fault}" for fault in english(page) if fault not in seen.errors]
    seen.errors += [fault for fault in serious(seen) if fault not in seen.errors]
    if pictures := os.environ.get("CONSOLE_SCREENSHOTS"):
        page.screenshot(path=Path(pictures) / f"console-{name}-{width}.png")


def serious(seen: Seen) -> list[str]:
    """What axe finds that is serious or critical. It comes in by the debugger, which no CSP stops: the page's stays."""
    page = seen.page
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text() + "; undefined")
    found = page.evaluate(f"axe.run(document, {_RULES})")["violations"]
    return [
        f"{page.url}: {one['id']}: {node['html'][:160]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
