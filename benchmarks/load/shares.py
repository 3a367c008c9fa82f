"""What part of a core each process of this machine takes meanwhile, as Linux counts it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Shares:
    """Of processes by name: processor time over time, 1 for a whole core; there when the block
    has ended.
    """

    found: dict[str, float] = field(default_factory=dict)


@contextmanager
def shares(processes: Mapping[str, int]) -> Iterator[Shares]:
    """Measures the processes of these numbers while the block runs."""
    made = Shares()
    begun, before = time.perf_counter(), {name: _seconds(pid) for name, pid in processes.items()}
    yield made
    took = time.perf_counter() - begun
    made.found = {name: (_seconds(pid) - before[name]) / took for name, pid in processes.items()}


def _seconds(pid: int) -> float:
    """Processor time of a process and all its threads so far, the system's for it included.

    Source: proc_pid_stat(5), fields 14 and 15.
    """
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
