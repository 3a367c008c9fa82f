"""What tests of whole processes share: the browser for pages, the jars for Spark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.homes import ROOT

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


@pytest.fixture(scope="session")
def spark_jars() -> Path:
    """The jars of Spark's, else the test is left out loudly."""
    from tests.conftest import _missing

    folder = ROOT / ".tools" / "engines" / "spark"
    if not folder.is_dir():
        _missing("Spark's jars (Java 17 and Maven, then: make engines)")
    return folder
