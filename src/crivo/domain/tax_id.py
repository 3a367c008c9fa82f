"""Tax ids: CPF of persons and CNPJ of companies (letters included), judged by their check digits.

Both use modulus 11 over weights that grow from the right: 2 upwards for a CPF, 2 to 9 again and
again for a CNPJ. A character counts as its ASCII code less 48, so that digits count as themselves
(Receita Federal, Nota Técnica COCAD 49/2024; in force for new companies since July 2026).
"""

from __future__ import annotations

import re
from itertools import cycle
from typing import Final

from crivo.domain.errors import Code, Refused, invalid

CPF_PATTERN: Final = r"[0-9]{11}"
CNPJ_PATTERN: Final = r"[0-9A-Z]{12}[0-9]{2}"

CPF_BODY: Final = 9
CNPJ_BODY: Final = 12

_CPF: Final = re.compile(
    rf"{CPF_PATTERN}|[0-9]{{3}}[.][0-9]{{3}}[.][0-9]{{3}}-[0-9]{{2}}", re.ASCII
)
_CNPJ: Final = re.compile(
    rf"{CNPJ_PATTERN}|[0-9A-Z]{{2}}[.][0-9A-Z]{{3}}[.][0-9A-Z]{{3}}/[0-9A-Z]{{4}}-[0-9]{{2}}",
    re.ASCII,
)
_PUNCTUATION: Final = str.maketrans("", "", "./-")
_CPF_BODY: Final = re.compile(r"[0-9]{9}", re.ASCII)
_CNPJ_BODY: Final = re.compile(r"[0-9A-Z]{12}", re.ASCII)


def cpf_check_digits(body: str) -> str:
    """The two check digits of the nine digits of a CPF.

    >>> cpf_check_digits("111444777")
    '35'
    """
    assert _CPF_BODY.fullmatch(body), body
    first = _check_digit(body, range(2, 11))
    return first + _check_digit(body + first, range(2, 12))


def cnpj_check_digits(body: str) -> str:
    """The two check digits of the twelve characters of a CNPJ.

    >>> cnpj_check_digits("12ABC34501DE")
    '35'
    """
    assert _CNPJ_BODY.fullmatch(body), body
    first = _check_digit(body, range(2, 10))
    return first + _check_digit(body + first, range(2, 10))


def parse_cpf(text: str, *, field: str = "cpf") -> str:
    """The eleven digits of a CPF, written with or without its punctuation.

    Eleven equal digits pass the arithmetic and are nobody's: they are refused.

    Raises:
        Refused: ID_INVALID. What was found is told with its characters masked.

    >>> parse_cpf("111.444.777-35")
    '11144477735'
    """
    try:
        fits = _CPF.fullmatch(text)
    except TypeError:
        fits = None
    if not fits:
        raise _refused(field, "11 digits, or 000.000.000-00", text)
    digits = text.translate(_PUNCTUATION)
    if len(set(digits)) == 1 or digits[CPF_BODY:] != cpf_check_digits(digits[:CPF_BODY]):
        raise _refused(field, "a CPF whose check digits are right", text)
    return digits


def parse_cnpj(text: str, *, field: str = "cnpj") -> str:
    """The fourteen characters of a CNPJ, written with or without its punctuation.

    Raises:
        Refused: ID_INVALID. What was found is told with its characters masked.

    >>> parse_cnpj("12.ABC.345/01DE-35")
    '12ABC34501DE35'
    """
    try:
        fits = _CNPJ.fullmatch(text)
    except TypeError:
        fits = None
    if not fits:
        raise _refused(field, "12 characters of 0-9 and A-Z and 2 digits", text)
    characters = text.translate(_PUNCTUATION)
    if len(set(characters)) == 1 or characters[CNPJ_BODY:] != cnpj_check_digits(
        characters[:CNPJ_BODY]
    ):
        raise _refused(field, "a CNPJ whose check digits are right", text)
    return characters


def parse_tax_id(text: str, *, field: str = "tax_id") -> str:
    """The digits of a CPF, or else the characters of a CNPJ.

    Raises:
        Refused: ID_INVALID. What was found is told with its characters masked.

    >>> parse_tax_id("111.444.777-35"), parse_tax_id("12ABC34501DE35")
    ('11144477735', '12ABC34501DE35')
    """
    if not isinstance(text, str):
        raise _refused(field, "the text of a CPF or CNPJ", text)
    is_cpf = len(text.translate(_PUNCTUATION)) == CPF_BODY + 2
    return (parse_cpf if is_cpf else parse_cnpj)(text, field=field)


def format_cpf(cpf: str) -> str:
    """A CPF as people write it.

    >>> format_cpf("11144477735")
    '111.444.777-35'
    """
    return f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}"


def format_cnpj(cnpj: str) -> str:
    """A CNPJ as people write it.

    >>> format_cnpj("12ABC34501DE35")
    '12.ABC.345/01DE-35'
    """
    return f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}"


def masked(text: str) -> str:
    """The shape of a personal id without the id: for messages, which are kept and shown.

    >>> masked("111.444.777-35")
    'xxx.xxx.xxx-xx'
    """
    return "".join("x" if character.isalnum() else character for character in text)


def shown_masked(found: object) -> str:
    """What was found where a personal id should be: its shape, or of another type only the type.

    >>> shown_masked("111"), shown_masked(111)
    ('xxx', 'int')
    """
    return masked(found) if isinstance(found, str) else type(found).__name__


def _check_digit(characters: str, weights: range) -> str:
    total = sum(
        (ord(character) - 48) * weight
        for character, weight in zip(reversed(characters), cycle(weights), strict=False)
    )
    rest = total % 11
    return str(11 - rest) if rest >= 2 else "0"


def _refused(field: str, expected: str, found: object) -> Refused:
    return invalid(Code.ID_INVALID, field=field, expected=expected, found=shown_masked(found))
