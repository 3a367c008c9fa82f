"""Tax ids of invented people and companies: valid in form, and told from their first digits.

No authority sets tax ids aside for examples, so a synthetic one may be somebody's all the same.
What can be done is done here: one documented range, so that whoever meets such an id can know that
it may be invented, and nothing else in a world points at a person. CPFs begin with 9, CNPJs with
99.
"""

from __future__ import annotations

from typing import Final

from crivo.domain.tax_id import cnpj_check_digits, cpf_check_digits, parse_cnpj, parse_cpf

#: The nine digits of a synthetic CPF run from here; its number is added.
CPF_BODY_FIRST: Final = 900_000_000
#: How many there are: the last body of the range has nine equal digits and is no CPF.
SYNTHETIC_CPFS: Final = 99_999_999

#: The eight digits that a synthetic company's CNPJ begins with run from here to 99 999 999.
CNPJ_ROOT_FIRST: Final = 99_000_000
CNPJ_ROOTS: Final = 1_000_000
#: How many there are: each root has the branches 0001 to 9999.
SYNTHETIC_CNPJS: Final = CNPJ_ROOTS * 9_999


def synthetic_cpf(number: int) -> str:
    """The CPF of invented person `number`, 0 .. SYNTHETIC_CPFS − 1.

    >>> synthetic_cpf(0)
    '90000000094'
    """
    assert 0 <= number < SYNTHETIC_CPFS, number
    body = str(CPF_BODY_FIRST + number)
    return body + cpf_check_digits(body)


def synthetic_cnpj(number: int) -> str:
    """The CNPJ of invented company `number`, 0 .. SYNTHETIC_CNPJS − 1; the first million are all of
    different roots, with branch 0001.

    >>> synthetic_cnpj(0)
    '99000000000159'
    """
    assert 0 <= number < SYNTHETIC_CNPJS, number
    branch, root = divmod(number, CNPJ_ROOTS)
    body = f"{CNPJ_ROOT_FIRST + root}{branch + 1:04d}"
    return body + cnpj_check_digits(body)


def is_synthetic_cpf(cpf: str) -> bool:
    """Whether a valid CPF lies in the range.

    Raises:
        Refused: ID_INVALID.
    """
    return int(parse_cpf(cpf)[:9]) >= CPF_BODY_FIRST


def is_synthetic_cnpj(cnpj: str) -> bool:
    """Whether a valid CNPJ lies in the range; one with letters in its root never does.

    Raises:
        Refused: ID_INVALID.
    """
    root = parse_cnpj(cnpj)[:8]
    return root.isdigit() and int(root) >= CNPJ_ROOT_FIRST
