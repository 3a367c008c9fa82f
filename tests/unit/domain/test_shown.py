"""What an error shows of a value, whatever the value is."""

from __future__ import annotations

import pytest

from crivo.domain.errors import Code, invalid

#: Python writes integers of up to 4,300 digits.
LONGEST = 10**4_299


def refusal_of(found):
    return invalid(Code.FIELD_VALUE, field="amount", expected="less", found=found)


def test_an_integer_that_python_writes_is_shown_by_its_first_digits():
    assert refusal_of(LONGEST).context["found"] == f"1{'0' * 76}..."


@pytest.mark.parametrize(
    "found",
    [10 * LONGEST, -10 * LONGEST, {"amount": [10 * LONGEST]}],
    ids=["above", "below", "inside"],
)
def test_an_integer_that_python_does_not_write_is_a_refusal(found):
    refusal = refusal_of(found)
    assert refusal.code is Code.FIELD_VALUE
    assert refusal.context["found"] == "a number of too many digits"
