"""Money: int64 centavos, at least one and at most 10¹² − 1. Floats never hold money."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from crivo.domain.errors import Code, invalid

CENTAVOS_MAX: Final = 10**12 - 1

_CENTAVO: Final = Decimal("0.01")
#: What a text may be: Decimal itself also reads blanks, underscores and the digits of any script.
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)


def check_centavos(amount: int, *, field: str = "amount_centavos") -> int:
    """The same amount, if it is a transfer's: 1 .. 10¹² − 1 centavos.

    Raises:
        Refused: AMOUNT_INVALID for what is no integer, AMOUNT_RANGE for what lies outside.
    """
    if type(amount) is not int:
        raise invalid(
            Code.AMOUNT_INVALID, field=field, expected="an integer of centavos", found=amount
        )
    if not 1 <= amount <= CENTAVOS_MAX:
        raise invalid(
            Code.AMOUNT_RANGE, field=field, expected=f"1 to {CENTAVOS_MAX} centavos", found=amount
        )
    return amount


def check_centavos_or_zero(amount: int, *, field: str) -> int:
    """The same amount, if it is 0 .. 10¹² − 1 centavos: what may come to nothing, such as a refund.

    Raises:
        Refused: AMOUNT_INVALID, AMOUNT_RANGE.
    """
    is_zero = type(amount) is int and amount == 0
    return 0 if is_zero else check_centavos(amount, field=field)


def parse_centavos(value: str | float | Decimal, *, field: str = "amount") -> int:
    """Centavos of a decimal amount of reais, exact; a third decimal place is refused, not rounded.

    Zero and negative amounts parse; `check_centavos` decides whether a transfer may carry them.

    Raises:
        Refused: AMOUNT_INVALID.

    >>> parse_centavos("1234.56")
    123456
    """
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            raise TypeError(value)
        if isinstance(value, str) and not _DECIMAL.fullmatch(value):
            raise ValueError(value)
        # repr() of a float is the shortest decimal that reads back as the same float.
        reais = Decimal(repr(value) if isinstance(value, float) else value)
        # Comparing is exact, whatever the precision; quantize refuses what has too many digits.
        rounded = reais.quantize(_CENTAVO)
        if rounded != reais:
            raise ValueError(value)
    except (InvalidOperation, ValueError, TypeError):
        raise invalid(
            Code.AMOUNT_INVALID,
            field=field,
            expected="a decimal with at most two places, such as 10.50",
            found=value,
        ) from None
    return int(rounded * 100)


def format_reais(centavos: int) -> str:
    """The amount as Brazil writes it.

    >>> format_reais(123456)
    'R$ 1.234,56'
    """
    sign = "-" if centavos < 0 else ""
    reais, cents = divmod(abs(centavos), 100)
    grouped = f"{reais:,}".replace(",", ".")
    return f"{sign}R$ {grouped},{cents:02d}"
