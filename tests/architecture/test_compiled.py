"""What numba compiled is forgotten when a file that was compiled into it changes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from crivo.decision import condition
from crivo.features import (
    amounts,
    arena,
    door,
    exposure,
    facts,
    folding,
    frame,
    heads,
    kernel,
    members,
    reading,
    values,
    wide,
)
from crivo.model import scorer

FEATURES = Path(kernel.__file__).parent
PINS = {
    "../model/scorer.py": ("frame.py", scorer.COMPILED_WITH),
    "../decision/condition.py": ("frame.py", condition.COMPILED_WITH),
    "wide.py": ("layout.py", wide.COMPILED_WITH),
    "arena.py": ("wide.py", arena.COMPILED_WITH),
    "facts.py": ("arena.py", facts.COMPILED_WITH),
    "members.py": ("facts.py", members.COMPILED_WITH),
    "amounts.py": ("members.py", amounts.COMPILED_WITH),
    "reading.py": ("amounts.py", reading.COMPILED_WITH),
    "exposure.py": ("reading.py", exposure.COMPILED_WITH),
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
