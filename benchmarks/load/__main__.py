"""`python -m benchmarks.load`: the load generator, a process of its own (API key on stdin)."""

from __future__ import annotations

import argparse
import json
import sys

from benchmarks.load.openloop import http_request, run_load
from benchmarks.load.transfers import bodies


def main(arguments: list[str]) -> int:
    """0 when every request was answered; prints latencies (ms) and statuses as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--start", type=int, required=True, help="instant of the first transfer")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    api_key = sys.stdin.readline().strip()
    gap = round(1_000_000 / options.rate)
    requests = [
        http_request("/v1/decisions", body, host=options.host, api_key=api_key)
        for body in bodies(options.count, seed=options.seed, start=options.start, gap=gap)
    ]
    outcome = run_load(options.host, options.port, requests, rate=options.rate, seed=options.seed)
    shown = {
        "p50_ms": outcome.quantile_ms(0.5),
        "p99_ms": outcome.quantile_ms(0.99),
        "p999_ms": outcome.quantile_ms(0.999),
        "answered_per_second": len(outcome.latencies_ms) / outcome.seconds,
        "statuses": outcome.statuses,
    }
    print(json.dumps(shown))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
