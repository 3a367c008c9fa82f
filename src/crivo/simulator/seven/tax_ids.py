"""CPF and CNPJ of invented people and companies, whole columns at a time.

The range and the law are in domain/synthetic.py; this is the same arithmetic over arrays.
"""

from __future__ import annotations

import numpy as np

from crivo.domain.synthetic import (
    CNPJ_ROOT_FIRST,
    CNPJ_ROOTS,
    CPF_BODY_FIRST,
    SYNTHETIC_CPFS,
)
from crivo.simulator.draws import Int64s
from crivo.simulator.lettering import Letters, Names, digits, joined


def cpfs(numbers: Int64s) -> Names:
    """The CPF of each invented person, 0 .. SYNTHETIC_CPFS - 1: eleven digits, no punctuation."""
    assert ((numbers >= 0) & (numbers < SYNTHETIC_CPFS)).all()
    letters = digits(CPF_BODY_FIRST + numbers, 9)
    letters = _with_check_digit(letters, np.arange(10, 1, -1))
    return joined(_with_check_digit(letters, np.arange(11, 1, -1)))


def cnpjs(numbers: Int64s) -> Names:
    """The CNPJ of each invented company, from 0: fourteen digits, no punctuation."""
    branch, root = np.divmod(numbers, CNPJ_ROOTS)
    letters = np.concatenate([digits(CNPJ_ROOT_FIRST + root, 8), digits(branch + 1, 4)], axis=1)
    weights = np.asarray((5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), dtype=np.int64)
    letters = _with_check_digit(letters, weights)
    return joined(_with_check_digit(letters, np.concatenate([[6], weights])))


def _with_check_digit(letters: Letters, weights: Int64s) -> Letters:
    rest = (letters.astype(np.int64) - ord("0")) @ weights % 11
    digit = np.where(rest < 2, 0, 11 - rest) + ord("0")
    return np.concatenate([letters, digit[:, None].astype(np.uint8)], axis=1)
