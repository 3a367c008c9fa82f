"""The pages of what a demo made: real decisions, a real model, in both languages, day and night."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
from playwright.sync_api import Browser, expect

from tests.e2e.browsing import Watched, serious_faults
from tests.e2e.serving import serving


def keep_pages(browser: Browser, home: Path) -> None:
    """Looks at each page of the home's service, and keeps its picture as `demo-…`.

    The transfer is one that was held, and the model the one that serves.
    """
    with serving(home) as running:
        with running.client() as client:
            risky = held(client)
        paths = {
            "live": ("/", "R$"),
            "decision": (f"/page/decision/{risky}", risky),
            "proof": (f"/page/proof/{risky}", risky),
            "reviews": ("/page/reviews", "R$"),
            "model": ("/page/model", champion(home)[:12]),
            "health": ("/page/health", ""),
        }
        for scheme in ("light", "dark"):
            for language in ("pt", "en"):
                watched = Watched(browser, running, color_scheme=scheme)
                with running.client() as client:
                    watched.page.goto(client.post("/v1/page-links").json()["path"])
                for name, (path, said) in paths.items():
                    watched.page.goto(path + ("?lang=en" if language == "en" else ""))
                    expect(watched.page.locator("main")).to_contain_text(said)
                    assert serious_faults(watched.page) == [], name
                    watched.keep(f"demo-{name}-{language}-{scheme}")
                assert watched.complaints == []
                assert watched.elsewhere == []


def held(client: httpx.Client) -> str:
    """The id of a transfer that was held."""
    found = client.get("/v1/decisions", params={"outcome": "HOLD"}).json()["decisions"]
    return str(found[0]["end_to_end_id"])


def champion(home: Path) -> str:
    """The hash of the model that serves."""
    return str(json.loads((home / "models" / "champion.json").read_text())["hash"])
