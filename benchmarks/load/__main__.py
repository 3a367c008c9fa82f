"""`python -m benchmarks.load`: the load generator, a process of its own (API key on stdin)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks.load.openloop import CONNECTIONS, OK, http_get, http_request, run_load
from benchmarks.load.transfers import bodies


def main(arguments: list[str]) -> int:
    """0, and latencies (ms) and statuses as JSON; "0" stands for what was never answered."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="requests a second; 0: no pause")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--start", type=int, help="instant of the first transfer")
    parser.add_argument("--bodies", type=Path, help="a file of one body a line, in place of a seed")
    parser.add_argument("--skip", type=int, default=0, help="lines of the file to leave out")
    parser.add_argument("--repeat", type=int, default=1, help="how often each of the lines is sent")
    parser.add_argument("--path", default="/v1/decisions")
    parser.add_argument("--batch", type=int, default=0, help="so many bodies are one request")
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--greet", metavar="PATH", help="each connection asks for it beforehand")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    api_key = sys.stdin.readline().strip()
    requests = [
        http_request(options.path, body, host=options.host, api_key=api_key)
        for body in _bodies(options)
    ]
    outcome = run_load(
        options.host,
        options.port,
        requests,
        rate=options.rate,
        seed=options.seed,
        connections=options.connections,
        greeting=http_get(options.greet, host=options.host) if options.greet else b"",
    )
    shown = {
        "p50_ms": outcome.quantile_ms(0.5),
        "p99_ms": outcome.quantile_ms(0.99),
        "p999_ms": outcome.quantile_ms(0.999),
        "answered_per_second": outcome.statuses.get(OK, 0) / outcome.seconds,
        "seconds": outcome.seconds,
        "statuses": outcome.statuses,
    }
    print(json.dumps(shown))
    return 0


def _bodies(options: argparse.Namespace) -> Iterator[bytes]:
    if options.bodies is None:
        gap = round(1_000_000 / options.rate)
        yield from bodies(options.count, seed=options.seed, start=options.start, gap=gap)
        return
    with options.bodies.open("rb") as lines:
        for _ in islice(lines, options.skip):
            pass
        chosen = (line.rstrip() for line in lines)
        if not options.batch:
            yield from list(islice(chosen, options.count)) * options.repeat
            return
        for _ in range(options.count):
            yield b"[" + b",".join(islice(chosen, options.batch)) + b"]"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
