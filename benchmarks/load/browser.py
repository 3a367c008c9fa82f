"""How soon a person may use a page: Chromium opens it, as Playwright drives it."""

from __future__ import annotations

import shutil
import time


def find_program() -> str | None:
    """Where the system's Chromium is, if it is there."""
    return shutil.which("chromium")


def seconds_to_rows(program: str, address: str, link: str, path: str, *, runs: int) -> list[float]:
    """Seconds from asking for the page until its document is read, its script has run, and the
    first row of its table is seen; each in a tab of its own.

    The first tab opens the session by the one-time link, and is not measured.
    """
    from playwright.sync_api import sync_playwright

    taken = []
    with sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = made.new_context(base_url=address)
        context.new_page().goto(link)
        for _ in range(runs):
            page = context.new_page()
            begun = time.perf_counter()
            page.goto(path, wait_until="domcontentloaded")
            page.locator("tbody tr").first.wait_for()
            taken.append(time.perf_counter() - begun)
            page.close()
        made.close()
    return taken
