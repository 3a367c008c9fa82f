"""The server: one process, one loop; it stops accepting, finishes what is in flight, and closes."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import uvicorn
import uvloop

from crivo.adapters.http.app import Application
from crivo.adapters.http.direct import direct_protocol
from crivo.domain.errors import Code, CrivoError, Misconfigured, Unavailable

#: Connections that wait to be accepted.
BACKLOG: Final = 2_048


class _Server(uvicorn.Server):
    """Uvicorn that ends by returning: the signal that stopped it is not raised again.

    A second signal changes nothing: what is in flight has its time, and files are closed. To
    uvicorn a second Ctrl-C means that the application is not told of the end.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        # Until the loop is closed: one that comes as the last file is closed is heard too.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins the end."""
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 picks a free one.

    Raises:
        Unavailable: PORT_TAKEN where something else listens there.
        Misconfigured: SETTING_INVALID where the host is no address of this machine, or the port is
            not this user's to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _deaf(host, port, error) from error
    listener.setblocking(False)
    return listener


def _deaf(host: str, port: int, error: OSError) -> CrivoError:
    """Why it cannot be listened there, in words that say what to change."""
    if isinstance(error, socket.gaierror):
        said, field = f"the name {host!r} is not known", "host"
    elif error.errno == errno.EADDRNOTAVAIL:
        said, field = f"{host} is no address of this machine", "host"
    elif error.errno == errno.EACCES:
        said, field = f"this user may not listen on port {port}", "port"
    else:
        return Unavailable(
            Code.PORT_TAKEN,
            f"{host}:{port} cannot be listened on: {error.strerror}",
            hint="Stop what listens there, or choose another port (0 picks a free one).",
            field="port",
            found=port,
        )
    return Misconfigured(
        Code.SETTING_INVALID,
        said,
        hint="127.0.0.1 is this machine alone, 0.0.0.0 every address it has; ports from 1024 on "
        "are free to all users.",
        field=field,
        found=host if field == "host" else port,
    )


def run_server(
    app: Application,
    listener: socket.socket,
    *,
    drain_seconds: int,
    stopper: Callable[[Callable[[], None]], None],
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM, or until what `stopper` was handed is called.

    With `tls` it speaks TLS, else plain HTTP.
    """
    server = _Server(
        uvicorn.Config(
            app,
            http=direct_protocol(app.hot),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=drain_seconds,
            ssl_context_factory=None if tls is None else lambda *_: tls,
        )
    )

    app.is_stopping = lambda: server.should_exit

    def stop() -> None:
        server.should_exit = True

    stopper(stop)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve(sockets=[listener]))
