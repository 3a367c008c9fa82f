"""Metrics of a process that serves nothing else: a port of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import start_http_server

from crivo.adapters.telemetry.metrics import Metrics
from crivo.domain.errors import Code, Unavailable


@contextmanager
def exposed(metrics: Metrics, host: str, port: int) -> Iterator[int]:
    """The port on which the metrics are told while the block runs; 0 picks a free one.

    Raises:
        Unavailable: PORT_TAKEN.
    """
    try:
        server, thread = start_http_server(port, addr=host, registry=metrics.registry)
    except OSError as error:
        raise Unavailable(
            Code.PORT_TAKEN,
            f"metrics cannot be told on {host}:{port}: {error.strerror}",
            hint="Name another with --metrics-port, or leave it out.",
        ) from error
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
