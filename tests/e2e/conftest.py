"""What tests of whole processes share: the browser for pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser(require_program) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        # Root may not use the browser's sandbox; what it opens is the service of this test alone.
        made = driver.chromium.launch(
            executable_path=require_program("chromium"), args=["--no-sandbox"]
        )
        yield made
        made.close()
