"""A receiver of webhooks on loopback, over HTTP or HTTPS: it answers as the test says."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.e2e.homes import ROOT, take_time

SECRET = base64.b64encode(bytes(range(32))).decode()


@dataclass(frozen=True, slots=True)
class Got:
    """One request: its path, headers in lower case, and body."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Answers `status` to everything, once `wait` lets it; `got` is what came."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    wait: Callable[[], object] = lambda: None
    got: list[Got] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                named = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append(Got(self.path, named, body))
                receiver.wait()
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A caller that was killed is no fault of the receiver's."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.scheme = "http"

    def under(self, context: ssl.SSLContext) -> Self:
        """The same over HTTPS."""
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "https"
        return self

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_address[1]}/hook"

    def __enter__(self) -> Self:
        serve = lambda: self.server.serve_forever(poll_interval=0.02)  # noqa: E731
        threading.Thread(target=serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def until(self, count: int, *, seconds: float = 30) -> list[Got]:
        """What came, once so many came."""
        eventually(lambda: len(self.got) >= count, seconds=seconds, what=lambda: self.got)
        return list(self.got)


def eventually(
    holds: Callable[[], bool], *, seconds: float = 30, what: Callable[[], object] = lambda: None
) -> None:
    """Waits until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)


def subscribe(folder: Path, *subscriptions: dict[str, object]) -> Path:
    """A file of these subscriptions; what they leave out is said for them."""
    secret = folder / "hook.secret"
    secret.write_text(f"whsec_{SECRET}\n")
    secret.chmod(0o600)
    usual = {"secret_file": "hook.secret", "networks": ["127.0.0.0/8"]}
    lines: list[str] = []
    for each in subscriptions:
        # What JSON writes of texts and lists of texts is TOML.
        pairs = {**usual, **each}.items()
        lines += ["[[subscription]]", *(f"{name} = {json.dumps(value)}" for name, value in pairs)]
    path = folder / "webhooks.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def holding_policy(folder: Path) -> Path:
    """The policy, but that a risk of one half is held, and that no machine is too slow for it."""
    made = folder / "policy"
    made.mkdir()
    for each in (ROOT / "policy").glob("*.toml"):
        text = each.read_text(encoding="utf-8")
        if each.name == "decision.toml":
            before = text
            text = text.replace(
                'score.hold.min"\nvalue = "0.60"', 'score.hold.min"\nvalue = "0.40"'
            )
            assert text != before
        (made / each.name).write_text(text, encoding="utf-8")
    take_time(made)
    return made
