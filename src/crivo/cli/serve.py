"""`crivo serve`: answers until it is stopped."""

from __future__ import annotations

import os
from pathlib import Path

from crivo.bootstrap.service import Service, serve
from crivo.settings import load_settings


def run_serve(*, home: Path | None, host: str | None, port: int | None) -> None:
    """Serves the champion of the home folder until SIGINT or SIGTERM."""
    settings = load_settings(os.environ, home=home, http__host=host, http__port=port)
    serve(settings, announce=_announce)


def _announce(service: Service, address: str) -> None:
    print(f"Crivo listens on {address}", flush=True)
    print(f"page, once: {address}/open?token={service.page.new_link_token()}", flush=True)
    if service.new_key is not None:
        print(f"API key, shown only now: {service.new_key}", flush=True)
