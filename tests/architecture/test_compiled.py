"""What numba compiled is forgotten when a file that went into it changes, and stays small."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType

import numba
import pytest
from numba.core.dispatcher import Dispatcher

from crivo.decision import condition
from crivo.features import (
    amounts,
    arena,
    compaction,
    compiled,
    door,
    exposure,
    facts,
    folding,
    frame,
    heads,
    kernel,
    members,
    reading,
    release,
    values,
    wide,
)
from crivo.features.engine import Engine
from crivo.model import scorer
from tests.parity.judging import PLAN, long_stream

FEATURES = Path(kernel.__file__).parent
#: The modules whose functions are compiled into `kernel.run`, or stand beside it.
KERNEL = [
    *(amounts, arena, compaction, door, exposure, facts, folding, heads, kernel, members),
    *(reading, release, values, wide),
]
PINS = {
    "../model/scorer.py": ("frame.py", scorer.COMPILED_WITH),
    "../decision/condition.py": ("frame.py", condition.COMPILED_WITH),
    "compiled.py": ("layout.py", compiled.COMPILED_WITH),
    "wide.py": ("compiled.py", wide.COMPILED_WITH),
    "arena.py": ("wide.py", arena.COMPILED_WITH),
    "facts.py": ("arena.py", facts.COMPILED_WITH),
    "members.py": ("facts.py", members.COMPILED_WITH),
    "amounts.py": ("members.py", amounts.COMPILED_WITH),
    "reading.py": ("amounts.py", reading.COMPILED_WITH),
    "exposure.py": ("reading.py", exposure.COMPILED_WITH),
    "compaction.py": ("arena.py", compaction.COMPILED_WITH),
    "release.py": ("reading.py", release.COMPILED_WITH),
    "values.py": ("exposure.py", values.COMPILED_WITH),
    "heads.py": ("values.py", heads.COMPILED_WITH),
    "door.py": ("frame.py", door.COMPILED_WITH),
    "frame.py": ("heads.py", frame.COMPILED_WITH),
    "folding.py": ("frame.py", folding.COMPILED_WITH),
    "kernel.py": ("folding.py", kernel.COMPILED_WITH),
}


def stale(text: bytes, pin: str) -> str:
    """What the pin should be, or nothing where it is that."""
    found = hashlib.sha256(text).hexdigest()[:16]
    return "" if found == pin else found


@pytest.mark.parametrize("pinning", PINS)
def test_a_compiled_file_names_the_text_that_went_into_it(pinning):
    pinned, pin = PINS[pinning]
    value = stale((FEATURES / pinned).read_bytes(), pin)
    assert not value, f'write COMPILED_WITH: Final = "{value}" into {pinning}'


@pytest.mark.parametrize("pinning", PINS)
def test_sabotage_a_changed_text_is_noticed(pinning):
    pinned, pin = PINS[pinning]
    assert stale((FEATURES / pinned).read_bytes() + b" ", pin)


def functions_of(module: ModuleType) -> dict[str, Dispatcher]:
    """What a module compiles itself."""
    found = vars(module).items()
    return {
        name: each
        for name, each in found
        if isinstance(each, Dispatcher) and each.py_func.__module__ == module.__name__
    }


def silent(functions: dict[str, Dispatcher]) -> list[str]:
    """Those that would take from who calls them first whether they are copied into callers."""
    return [name for name, each in functions.items() if "forceinline" not in each.targetoptions]


@pytest.mark.parametrize("module", KERNEL, ids=lambda module: module.__name__)
def test_a_function_of_the_kernel_says_itself_whether_it_is_copied_into_callers(
    module: ModuleType,
) -> None:
    functions = functions_of(module)
    assert functions
    assert silent(functions) == []


def test_sabotage_a_function_that_does_not_say_so_is_noticed() -> None:
    @numba.njit(cache=True)
    def plain(number: int) -> int:
        return number

    assert silent({"plain": plain}) == ["plain"]


def test_all_that_reads_and_folds_is_compiled_as_one_function_of_one_argument() -> None:
    Engine(PLAN).fold(long_stream(1, events=50))
    assert functions_of(kernel)["run"].signatures == [(numba.int64,)]
    entries = [name for name in functions_of(kernel) if not name.startswith("_")]
    assert entries == ["run"]
