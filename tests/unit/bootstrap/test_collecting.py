"""Memory that an import or a training took goes back to the system when it is done."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

#: Prints how many bytes more a process holds after 150 MB of values came and went, of which the
#: last to be made is still used.
PROGRAM = """
from crivo.bootstrap.collecting import give_back

def held():
    with open("/proc/self/smaps_rollup") as file:
        return sum(1_024 * int(line.split()[1]) for line in file if line.startswith("Pss_Anon:"))

before = held()
values = [bytes(700 + number % 50) for number in range(200_000)]
kept = values[-1]
del values
{after}
print(held() - before)
"""


def left(after: str) -> int:
    command = [sys.executable, "-c", PROGRAM.format(after=after)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_what_values_took_goes_back_to_the_system():
    assert left("give_back()") < 50_000_000


def test_sabotage_memory_that_is_not_given_back_stays():
    assert left("") > 100_000_000
