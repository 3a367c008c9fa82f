"""The memory that an import took goes back to the system when it is done."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

#: Prints how many bytes more a process holds after 150 MB of values came and went, of which the
#: last to be made is still used.
PROGRAM = """
from crivo.bootstrap import collecting

{sabotage}

def held():
    with open("/proc/self/smaps_rollup") as file:
        return sum(1_024 * int(line.split()[1]) for line in file if line.startswith("Pss_Anon:"))

before = held()
with collecting.seldom_collected():
    values = [bytes(700 + number % 50) for number in range(200_000)]
    kept = values[-1]
    del values
print(held() - before)
"""


def left(sabotage: str = "") -> int:
    command = [sys.executable, "-c", PROGRAM.format(sabotage=sabotage)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_what_an_import_took_goes_back_to_the_system():
    assert left() < 50_000_000


def test_sabotage_memory_that_is_not_given_back_stays():
    assert left("collecting.give_back = lambda: None") > 100_000_000
