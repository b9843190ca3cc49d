"""What the console costs a browser: bytes and first paint of its first page, and a list of 5,000 roles, on loopback.

usage: .venv/bin/python benchmarks/console.py    needs Debian's Chromium and playwright, as the tests of the console do
"""

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import insert

from kansatsu import identity
from kansatsu.clock import SystemClock
from kansatsu.identity import schema
from kansatsu.testing import Kansatsu

ROUNDS = 5
ROLES = 5000
PATIENCE = 180_000  # milliseconds
_LOOK = """() => ({
  bytes: [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .reduce((n, one) => n + one.encodedBodySize, 0),
  paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
})"""


def first_page(browser: Browser, url: str) -> tuple[int, float]:
    """Bytes of bodies, compressed, and milliseconds to the first contentful paint, with an empty cache."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)
    page.get_by_role("heading", name="Sign in").wait_for(timeout=PATIENCE)
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
    found = page.evaluate(_LOOK)
    context.close()
    return found["bytes"], found["paint"]


def fill(kansatsu: Kansatsu) -> None:
    """With roles, past its API, which would take longer than what is measured."""
    made = {"account": "123456789012", "kind": "role", "path": "/", "created": 1.0, "trust_document": "{}"}
    store = identity.open_store(kansatsu.data_dir, SystemClock())
    with store.write() as conn:
        names = ((n, f"role-{n:04}") for n in range(ROLES))
        conn.execute(
            insert(schema.entity), [made | {"id": f"AROA{n:017}", "name": name, "name_key": name} for n, name in names]
        )
    store.close()


def listed(page: Page, url: str) -> tuple[float, float, float]:
    """Seconds until the first roles are shown, until all are listed, and until one of them is found."""
    page.goto(f"{url}#/users")
    page.get_by_role("heading", name="Users").first.wait_for(timeout=PATIENCE)
    started = perf_counter()
    page.goto(f"{url}#/roles")
    page.get_by_role("link", name="role-0000").wait_for(timeout=PATIENCE)
    shown = perf_counter()
    page.get_by_text(f"({ROLES})").wait_for(timeout=PATIENCE)
    all_there = perf_counter()
    page.get_by_role("searchbox").fill("role-4321")
    page.get_by_text(f"(1/{ROLES})").wait_for(timeout=PATIENCE)
    return shown - started, all_there - started, perf_counter() - all_there


def main() -> None:
    with Kansatsu() as kansatsu, sync_playwright() as playwright:
        url = f"{kansatsu.endpoint}/_kansatsu/console/"
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        first = [first_page(browser, url) for _ in range(ROUNDS)]
        fill(kansatsu)
        command = [Path(sys.executable).with_name("kansatsu"), "console", "--no-browser", "--data-dir"]
        link = subprocess.run([*command, str(kansatsu.data_dir)], check=True, capture_output=True, text=True).stdout
        page = browser.new_context().new_page()
        page.goto(link.strip())
        # The link is behind the number sign: another address would take its place before it was read.
        page.get_by_role("heading", name="Users").first.wait_for(timeout=PATIENCE)
        lists = [listed(page, url) for _ in range(ROUNDS)]
        browser.close()
    print(f"{max(size for size, _ in first) / 1024:.0f} KiB for the first page")
    print(f"first contentful paint after {median(at for _, at in first):.0f} ms")
    shown, whole, found = (median(times) for times in zip(*lists, strict=True))
    print(f"the first of {ROLES} roles are shown after {shown:.1f} s, all are listed after {whole:.1f} s")
    print(f"one of them is found after {found * 1000:.0f} ms")
    print(f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
