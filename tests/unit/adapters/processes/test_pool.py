"""Processes that work beside this one, and with it."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from crivo.adapters.processes.pool import ProcessPool
from crivo.domain.errors import Code, Refused, Unavailable


def _of(number: int) -> tuple[int, int]:
    time.sleep(0.01)
    return number, os.getpid()


def _refuse(number: int) -> int:
    if number == 3:
        raise Refused(Code.FIELD_TYPE, "three", hint="Another.", field="number", found=3)
    return number


def _end(number: int) -> int:
    os._exit(number)


@pytest.mark.slow
def test_what_is_shared_comes_in_order_once_from_this_process_and_others():
    with ProcessPool(1).share(_of, range(400)) as results:
        found = list(results)
    assert [number for number, _ in found] == list(range(400))
    pids = {pid for _, pid in found}
    assert len(pids) == 2
    assert os.getpid() in pids


@pytest.mark.slow
def test_an_error_of_what_is_shared_keeps_its_code_whoever_met_it():
    for tasks in ([1, 2, 3, *range(4, 60)], [*range(4, 60), 3, 1, 2]):
        with pytest.raises(Refused) as refusal, ProcessPool(1).share(_refuse, tasks) as results:
            list(results)
        assert refusal.value.code is Code.FIELD_TYPE
        assert refusal.value.context == {"field": "number", "found": 3}


@pytest.mark.slow
def test_a_process_that_ended_by_itself_is_told():
    # Of one task nothing is left for this process to take.
    with pytest.raises(Unavailable) as refusal, ProcessPool(1).share(_end, [7]) as results:
        list(results)
    assert refusal.value.code is Code.INTERNAL


def _told(file: Path) -> int:
    file.touch()
    return os.getpid()


@pytest.mark.slow
def test_others_begin_before_anybody_asks_and_end_after_the_block(tmp_path):
    files = [tmp_path / str(number) for number in range(2)]
    with ProcessPool(1).share(_told, files) as results:
        while not files[0].exists():
            time.sleep(0.01)
        first = next(results)
    assert first != os.getpid()
    deadline = time.monotonic() + 300
    while first in {child.pid for child in multiprocessing.active_children()}:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
