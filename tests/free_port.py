"""A port on loopback that nobody listens on just now."""

from __future__ import annotations

from crivo.adapters.kafka.brokers import free_ports


def free_port() -> int:
    return free_ports(1)[0]
