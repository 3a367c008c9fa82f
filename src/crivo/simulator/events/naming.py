"""Names of persons, sessions and the like: a letter and sixteen digits that hide the count."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.pix_key import KeyType
from crivo.simulator.columns import words
from crivo.simulator.draws import Draws, Int64s, mixed
from crivo.simulator.lettering import Names, hexadecimal, joined, prefixed

_KEY_TYPES: Final = words((KeyType.PHONE, KeyType.EMAIL, KeyType.EVP))
_BASE62: Final = np.frombuffer(
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", dtype=np.uint8
)


def person_ids(seed: int, persons: Int64s) -> Names:
    """`per-` and sixteen hexadecimal digits; `persons` as `Accounts.persons` gives them."""
    return prefixed(b"per-", hexadecimal(mixed(persons, seed ^ 0x706572)))


def key_types(keys: Names) -> Names:
    """The type of each key that the world gives out: a telephone, an e-mail address or random."""
    is_phone = np.strings.startswith(keys, b"+")
    is_mail = np.strings.find(keys, b"@") >= 0
    return _KEY_TYPES[np.where(is_phone, 0, np.where(is_mail, 1, 2))]


def event_ids(prefix: bytes, draws: Draws, count: int) -> Names:
    """`count` ids that are drawn: the prefix and sixteen hexadecimal digits."""
    return prefixed(prefix, hexadecimal(draws.words(count)))


def characters(draws: Draws, count: int, length: int) -> Names:
    """`count` texts of that many random letters and digits."""
    matrix = _BASE62[draws.below(62, count * length)].reshape(count, length)
    return joined(matrix)


def return_ids(seed: int, ids: Names) -> Names:
    """RtrIds: D, the ISPB and minute of the transfer's own id, eleven characters mixed from it."""
    matrix = ids.view(np.uint8).reshape(-1, 32).copy()
    own = np.ascontiguousarray(matrix[:, 24:]).view("<i8").ravel()
    mixed_bits = mixed(own, seed ^ 0x727472)
    matrix[:, 0] = ord("D")
    for place in range(11):
        matrix[:, 21 + place] = _BASE62[(mixed_bits % np.uint64(62)).astype(np.int64)]
        mixed_bits //= np.uint64(62)
    return joined(matrix)
