"""English words that a Japanese page shows, but for data, which is marked, and terms of the Japanese catalogues.

Data has translate="no" (names, ids, ARNs, times) or the language of its author; nothing is guessed from its looks.
"""

import json
import re
from typing import Any

from playwright.sync_api import Page

from .conftest import WEB, texts

_WORD = re.compile("[A-Za-z]{2,}")
_JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
# What lists, menus and breadcrumbs, which have no place for marks, show of data.
SHOWN = {"Kansatsu", "admin @ 123456789012", "ec2.amazonaws.com", "kansatsu console"}

_TEXTS = """() => {
  const roots = [...document.querySelectorAll("#root, [role=dialog]")];
  const data = [...document.querySelectorAll('[translate="no"]')].map(one => one.textContent);
  const told = [], named = [];
  for (const root of roots) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.nodeType === 1 ? node : node.parentElement;
      if (element.closest('[translate="no"], [lang="en"], [lang=""], textarea, script, style')) continue;
      if (node.nodeType === 3) told.push({ text: node.data, where: element.outerHTML.slice(0, 160) });
      else for (const name of ["aria-label", "title", "placeholder", "alt"])
        if (node.getAttribute(name)) named.push({ text: node.getAttribute(name), where: node.outerHTML.slice(0, 160) });
    }
  }
  return { told, named, data };
}"""


def _strings(found: Any) -> list[str]:
    if isinstance(found, dict):
        return [text for one in found.values() for text in _strings(one)]
    if isinstance(found, list):
        return [text for one in found for text in _strings(one)]
    return [found] if isinstance(found, str) and _JAPANESE.search(found) else []


def _vocabulary() -> set[str]:
    strings = WEB / "src" / "strings" / "server-ja.json"
    library = WEB / "node_modules" / "@cloudscape-design" / "components" / "i18n" / "messages" / "all.ja.json"
    said = [
        *texts("ja").values(),
        *json.loads(strings.read_text()).values(),
        *_strings(json.loads(library.read_text())),
    ]
    return {word for text in said for word in _WORD.findall(re.sub(r"\{\w+\}", "", text))}


VOCABULARY = _vocabulary()


def english(page: Page) -> list[str]:
    """The words that are not Japanese, with where they are."""
    found = page.evaluate(_TEXTS)

    def is_data(text: str) -> bool:
        return text in SHOWN or any(one.startswith(text) for one in found["data"])

    told = [
        f"{sorted(words)} in {one['where']}"
        for one in found["told"]
        if (words := set(_WORD.findall(one["text"])) - VOCABULARY) and not is_data(one["text"].strip())
    ]
    named = [
        f"{one['text']} is the name of {one['where']}"
        for one in found["named"]
        if _WORD.search(one["text"])
        and not _JAPANESE.search(one["text"])
        and not set(_WORD.findall(one["text"])) <= VOCABULARY
        and not is_data(one["text"].strip())
    ]
    return told + named
