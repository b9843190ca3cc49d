"""What a page must be like: no serious fault, nothing wider than the screen, no word torn in two, none in English.

With CONSOLE_SCREENSHOTS=DIRECTORY pictures are put there; docs/images has those of the main pages. Japanese
needs fonts-noto-cjk for them.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from .conftest import WEB, WIDTHS, Seen
from .english import english

AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice")
_COLOURS = ("color-contrast",)  # all that light and dark differ in


# Words, numbers, dates and times that are on two lines; of those longer than a line of a narrow table nobody can say
# where they should break.
_TORN = r"""() => {
  const found = new Set();
  for (const root of [document.querySelector("main") ?? document.body, ...document.querySelectorAll("[role=dialog]")]) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (!node.parentElement.checkVisibility() || node.parentElement.closest("textarea, pre")) continue;
      for (const word of node.data.matchAll(/(?<![A-Za-z0-9])([A-Za-z0-9]{2,20}|\d+([/:]\d+)+)(?![A-Za-z0-9])/g)) {
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        if (new Set([...range.getClientRects()].map(one => Math.round(one.top))).size > 1) found.add(word[0]);
      }
    }
  }
  return [...found];
}"""
# Tables that must be moved sidewards to be read.
_BROAD = """() => [...document.querySelectorAll("table")]
  .filter(one => one.checkVisibility() && one.offsetWidth > one.parentElement.clientWidth + 1)
  .map(one => one.innerText.slice(0, 80))"""
# As wide as readers may make their texts: https://www.w3.org/TR/WCAG21/#text-spacing; fonts for Japanese are, too.
_SPACED = """() => {
  const made = new CSSStyleSheet();
  made.replaceSync("* { letter-spacing: 0.12em !important; word-spacing: 0.16em !important }");
  document.adoptedStyleSheets.push(made);
}"""
_UNSPACED = "() => void document.adoptedStyleSheets.pop()"
# What follows the size of the screen is there some frames later.
_STILL = """() => new Promise(resolve => {
  let before = "", same = 0;
  const look = () => {
    const boxes = [...document.body.querySelectorAll("*")].map(one => one.getBoundingClientRect());
    const seen = boxes.map(box => `${box.x} ${box.y} ${box.width} ${box.height}`).join();
    same = seen === before ? same + 1 : 0;
    before = seen;
    if (same < 3) requestAnimationFrame(look);
    else resolve();
  };
  look();
})"""


def look(seen: Seen, name: str, width: str) -> None:
    """At the page as it is now; its faults are among those of the test."""
    page = seen.page
    _measure(seen, f"{name}, {width}")
    if width == "wide" and (broad := page.evaluate(_BROAD)):
        seen.errors.append(f"{page.url}: {name}: too wide: {broad}")
    page.evaluate(_SPACED)
    _measure(seen, f"{name}, {width}, spaced")
    page.evaluate(_UNSPACED)
    if seen.language == "ja":
        _tell(seen, (f"{name}: {fault}" for fault in english(page)))
    _tell(seen, serious(seen))
    _picture(seen, name, width)


def look_all_over(seen: Seen, name: str) -> None:
    """The same at both widths, each of them light and dark."""
    for width, size in WIDTHS.items():
        seen.page.set_viewport_size(size)
        seen.page.evaluate(_STILL)
        look(seen, name, width)
        seen.page.emulate_media(color_scheme="dark")
        _tell(seen, serious(seen, _COLOURS))
        _picture(seen, name, width)
        seen.page.emulate_media(color_scheme="light")


def _measure(seen: Seen, where: str) -> None:
    page = seen.page
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if wider > 0:
        seen.errors.append(f"{page.url}: {where}: {wider} pixels wider than the screen")
    if torn := page.evaluate(_TORN):
        seen.errors.append(f"{page.url}: {where}: torn words: {torn}")


def _tell(seen: Seen, faults: Iterable[str]) -> None:
    seen.errors += [fault for fault in faults if fault not in seen.errors]


def serious(seen: Seen, rules: Sequence[str] = _RULES) -> list[str]:
    """What axe finds that is serious or critical. It comes in by the debugger, which no CSP stops: the page's stays."""
    page = seen.page
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text() + "; undefined")
    how = {"runOnly": list(rules), "resultTypes": ["violations"]}
    found = page.evaluate("how => axe.run(document, how).then(found => found.violations)", how)
    return [
        f"{page.url}: {one['id']}: {node['html'][:160]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def _picture(seen: Seen, name: str, width: str) -> None:
    """Those of docs/images are wide, English and light, or narrow, Japanese and dark; others say what they are."""
    if not (pictures := os.environ.get("CONSOLE_SCREENSHOTS")):
        return
    scheme = seen.page.evaluate("document.documentElement.classList.contains('dark') ? 'dark' : 'light'")
    kind = (width, seen.language, scheme)
    kept = kind in (("wide", "en", "light"), ("narrow", "ja", "dark"))
    file = "-".join(("console", name, width) if kept else ("console", name, *kind))
    seen.page.screenshot(path=Path(pictures) / f"{file}.png")
