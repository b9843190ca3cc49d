"""What the console costs a browser at first: bytes over the wire, and when its first page is painted, on loopback.

usage: .venv/bin/python benchmarks/console.py    needs Debian's Chromium and playwright, as the tests of the console do
"""

from statistics import median

from playwright.sync_api import Browser, sync_playwright

from kansatsu.testing import Kansatsu

ROUNDS = 5
_LOOK = """() => ({
  bytes: [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .reduce((n, one) => n + one.encodedBodySize, 0),
  paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
})"""


def once(browser: Browser, url: str) -> tuple[int, float]:
    """Bytes of bodies, compressed, and milliseconds to the first contentful paint, with an empty cache."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)
    page.get_by_role("heading", name="Sign in").wait_for()
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
    found = page.evaluate(_LOOK)
    context.close()
    return found["bytes"], found["paint"]


def main() -> None:
    with Kansatsu() as kansatsu, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        seen = [once(browser, f"{kansatsu.endpoint}/_kansatsu/console/") for _ in range(ROUNDS)]
        browser.close()
    print(
        f"{max(size for size, _ in seen) / 1024:.0f} KiB, first contentful paint {median(at for _, at in seen):.0f} ms"
    )


if __name__ == "__main__":
    main()
