"""`crivo serve`: answers until it is stopped."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Final

from crivo.bootstrap.service import Service, serve
from crivo.cli.stopping import end_unheard
from crivo.settings import load_settings

#: In whose name whoever started the service gives verdicts: the link that it prints is of no key.
STARTER: Final = "start"


def run_serve(*, home: Path | None, host: str | None, port: int | None, as_json: bool) -> None:
    """Serves the champion of the home folder until SIGINT or SIGTERM."""
    settings = load_settings(os.environ, home=home, http__host=host, http__port=port)
    serve(
        settings,
        announce=partial(_announce, as_json=as_json),
        ready=partial(_say_ready, as_json=as_json),
    )
    end_unheard()


def _announce(service: Service, address: str, *, as_json: bool) -> None:
    page = f"{address}/open?token={service.page.new_link_token(reviewer=STARTER)}"
    if as_json:
        # A line each time, since the process goes on.
        facts = {"address": address, "page_once": page, "api_key": service.new_key}
        print(json.dumps(facts), flush=True)
        return
    print(
        f"Crivo listens on {address}; it takes transfers once its state is folded from the log ...",
        flush=True,
    )
    print(f"page, once: {page}", flush=True)
    if service.new_key is not None:
        print(f"API key, shown only now: {service.new_key}", flush=True)


def _say_ready(address: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"ready": address}), flush=True)
    else:
        print(f"Ready: {address} takes transfers. Ctrl-C ends it.", flush=True)
