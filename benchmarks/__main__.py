"""`python -m benchmarks` lists the benchmarks; with names it runs them, and prints one table."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.harness import Row, Setting, describe_machine, load, names, write_table


def main(arguments: list[str]) -> int:
    """0 when all benchmarks ran, whatever they found; 1 when one of several did not; 2 for a name
    that does not exist, or one file for several.
    """
    # As `crivo` itself does: threads that wait leave the processors to those that work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"There are: {', '.join(names())}.",
    )
    parser.add_argument("names", nargs="*", metavar="name", help="the benchmarks; none: list them")
    parser.add_argument("--quick", action="store_true", help="smaller and noisier, in seconds")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="PATH",
        help="also write the rows to a file; in a folder, to NAME.json of each",
    )
    options = parser.parse_args(arguments)
    if not options.names:
        for name in names():
            print(f"{name:24s} {load(name)[0]}")
        return 0
    for name in options.names:
        if name not in names():
            print(f"no benchmark {name!r}; there are: {', '.join(names())}", file=sys.stderr)
            return 2
    is_folder = options.json is not None and options.json.is_dir()
    if len(options.names) > 1:
        if options.json is not None and not is_folder:
            print(f"several benchmarks: {options.json} is to be a folder", file=sys.stderr)
            return 2
        return run_each(options.names, options.json, quick=options.quick)
    (name,) = options.names
    run_one(name, options.json / f"{name}.json" if is_folder else options.json, quick=options.quick)
    return 0


def run_one(name: str, file: Path | None, *, quick: bool) -> None:
    """Runs a benchmark here, writes its rows to the file as they come, and prints their table."""
    setting = Setting(quick, describe_machine(), datetime.now(tz=UTC).date().isoformat())
    busy, cores = os.getloadavg()[0], os.cpu_count() or 1
    if busy > cores / 2:
        print(f"busy: load average {busy:.1f} on {cores} cores; expect noise", file=sys.stderr)
    rows = []
    for row in load(name)[1](setting):
        rows.append(row)
        figure = "-" if row.found is None else f"{row.found:,.6g}"
        print(f"{row.what}: {figure} {row.unit}", file=sys.stderr)
        if file is not None:
            # After each row: an hour of them is not lost with one that could not be taken.
            text = json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False)
            file.write_text(text + "\n", encoding="utf-8")
    write_table(rows, sys.stdout)


def run_each(asked: Sequence[str], folder: Path | None, *, quick: bool) -> int:
    """Runs one benchmark after another, each in a process of its own as if it were alone, and
    prints one table of all rows; 1 where one failed, whose rows until then are in it.
    """
    rows, failed = [], []
    with tempfile.TemporaryDirectory() as own:
        for name in asked:
            file = (folder or Path(own)) / f"{name}.json"
            before = written_at(file)
            command = [sys.executable, "-m", "benchmarks", name, "--json", str(file)]
            command += ["--quick"] if quick else []
            done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
            if written_at(file) != before:
                taken = msgspec.json.decode(file.read_bytes(), type=list[Row])
                rows += [replace(row, what=f"{name}: {row.what}") for row in taken]
            if done.returncode:
                failed.append(f"{name} ended with {done.returncode}")
    write_table(rows, sys.stdout)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def written_at(file: Path) -> int | None:
    """When a file was written last, in nanoseconds; None where there is none."""
    return file.stat().st_mtime_ns if file.exists() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
