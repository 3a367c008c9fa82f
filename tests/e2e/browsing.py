"""A page in a real browser whose requests and complaints are kept, and its pictures."""

from __future__ import annotations

import re
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.docs.markdown import ROOT
from tests.e2e.serving import Served

#: A page asks for what is new once a second.
SEEN_MS_MAX = 20_000

#: Where pictures are kept; git ignores it, and CI uploads it.
PICTURES = ROOT / "build" / "screenshots"

#: What axe-core calls serious: somebody cannot use the page, or only with great trouble.
_SERIOUS = {"serious", "critical"}


class Watched:
    """A page whose requests and complaints are kept."""

    def __init__(self, browser: Browser, served: Served, **options: object) -> None:
        self.page: Page = browser.new_page(base_url=served.address, **options)
        self.page.set_default_timeout(SEEN_MS_MAX)
        expect.set_options(timeout=SEEN_MS_MAX)
        self._address = served.address
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    @property
    def elsewhere(self) -> list[str]:
        """What was asked of anybody but the service."""
        return [url for url in self.asked if re.match(r"\w+://[^/]+", url)[0] != self._address]

    def keep(self, name: str) -> Path:
        """The picture of the whole page, as `name`.png."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        self.page.screenshot(path=path, full_page=True)
        return path


def serious_faults(page: Page) -> list[tuple[str, list[str]]]:
    """What axe-core finds that is serious or critical: the rule, and where."""
    found = Axe().run(page).response["violations"]
    return [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in found
        if each["impact"] in _SERIOUS
    ]
