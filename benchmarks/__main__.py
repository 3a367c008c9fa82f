"""`python -m benchmarks` lists the benchmarks; with a name it runs one."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.harness import Setting, describe_machine, load, names, write_table


def main(arguments: list[str]) -> int:
    """0 when the benchmark ran, whatever it found; 2 for a name that does not exist."""
    # As `crivo` itself does: threads that wait leave the processors to those that work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"There are: {', '.join(names())}.",
    )
    parser.add_argument("name", nargs="?", help="the benchmark; none: list them")
    parser.add_argument("--quick", action="store_true", help="smaller and noisier, in seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows to FILE")
    options = parser.parse_args(arguments)
    if options.name is None:
        for name in names():
            print(f"{name:24s} {load(name)[0]}")
        return 0
    if options.name not in names():
        print(f"no benchmark {options.name!r}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    setting = Setting(options.quick, describe_machine(), datetime.now(tz=UTC).date().isoformat())
    busy, cores = os.getloadavg()[0], os.cpu_count() or 1
    if busy > cores / 2:
        print(f"busy: load average {busy:.1f} on {cores} cores; expect noise", file=sys.stderr)
    rows = []
    for row in load(options.name)[1](setting):
        rows.append(row)
        figure = "-" if row.found is None else f"{row.found:,.6g}"
        print(f"{row.what}: {figure} {row.unit}", file=sys.stderr)
        if options.json is not None:
            # After each row: an hour of them is not lost with one that could not be taken.
            text = json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False)
            options.json.write_text(text + "\n", encoding="utf-8")
    write_table(rows, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
