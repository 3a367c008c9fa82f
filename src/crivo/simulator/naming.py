"""Names of the rail for numbers of the town, as ASCII bytes, whole columns at a time.

None of them can be a real person's: telephone keys use the area code 00, which Brazil has not;
e-mail keys use a domain reserved for examples; random keys and accounts belong to invented
institutions (`institutions.py`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.instant import DAY, MINUTE
from crivo.simulator.draws import Draws, Int64s, mixed
from crivo.simulator.institutions import ISPBS
from crivo.simulator.lettering import Letters, Names, digits, hexadecimal, joined, permuted

_BASE62: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#: The official mix of registered keys without tax ids: random 50.7 %, telephone 17.1, e-mail 14.6.
_KIND_STEPS: Final = (615, 822)
RANDOM: Final = 0
PHONE: Final = 1
MAIL: Final = 2


def end_to_end_ids(draws: Draws, occurred_at: Int64s, institutions: Int64s) -> Names:
    """EndToEndIds: E, the payer's ISPB, the minute in UTC, eleven random characters."""
    count = len(occurred_at)
    ids = np.empty((count, 32), dtype=np.uint8)
    ids[:, 0] = ord("E")
    ids[:, 1:9] = _ispb_bytes()[institutions]
    ids[:, 9:17] = _dates(occurred_at)
    minutes = occurred_at % DAY // MINUTE
    ids[:, 17:21] = digits(minutes // 60 * 100 + minutes % 60, 4)
    letters = np.frombuffer(_BASE62, dtype=np.uint8)
    ids[:, 21:] = letters[draws.below(62, count * 11).reshape(count, 11)]
    return joined(ids)


def report_ids(end_to_end: Names, suffix: bytes) -> Names:
    """The id of a report: `R`, the 11 characters of the transfer's own id, its minute, a suffix."""
    matrix = end_to_end.view(np.uint8).reshape(-1, 32)
    ids = np.empty((len(matrix), 25), dtype=np.uint8)
    ids[:, 0] = ord("R")
    ids[:, 1:13] = matrix[:, 9:21]
    ids[:, 13:24] = matrix[:, 21:]
    ids[:, 24] = suffix[0]
    return joined(ids)


def account_ids(seed: int, accounts: Int64s, institutions: Int64s) -> Names:
    """`ISPB-0001-number` of each account: ten digits, unique in a world."""
    ids = np.empty((len(accounts), 24), dtype=np.uint8)
    ids[:, :8] = _ispb_bytes()[institutions]
    ids[:, 8:14] = np.frombuffer(b"-0001-", dtype=np.uint8)
    ids[:, 14:] = digits(permuted(seed, accounts, 10**10), 10)
    return joined(ids)


def keys(seed: int, accounts: Int64s, by_code: npt.NDArray[np.bool_]) -> Names:
    """A key of each account: its random key where a QR code was read, else the one it gives out.

    The key given out is a random key, a telephone or an e-mail address, in the official proportion;
    tax ids are keys in the seven tables alone.
    """
    names = np.empty(len(accounts), dtype="S36")
    kinds = key_kinds(seed, accounts)
    random = by_code | (kinds == RANDOM)
    phone = ~random & (kinds == PHONE)
    mail = ~random & ~phone
    names[random] = random_keys(seed, accounts[random])
    names[phone] = phones(seed, accounts[phone])
    names[mail] = _mails(seed, accounts[mail])
    return names


def key_kinds(seed: int, accounts: Int64s) -> Int64s:
    """What the key is that each account gives out: RANDOM, PHONE or MAIL."""
    drawn = (mixed(accounts, seed ^ 0x6B6579) >> np.uint64(32)).astype(np.int64) % 1000
    return np.searchsorted(_KIND_STEPS, drawn, side="right").astype(np.int64)


def device_ids(seed: int, devices: Int64s) -> Names:
    """`dev-` and sixteen hexadecimal digits."""
    ids = np.empty((len(devices), 20), dtype=np.uint8)
    ids[:, :4] = np.frombuffer(b"dev-", dtype=np.uint8)
    ids[:, 4:] = hexadecimal(mixed(devices, seed ^ 0x646576))
    return joined(ids)


def random_keys(seed: int, accounts: Int64s) -> Names:
    """A random key (a UUID of version 4, lower case) of each number."""
    letters = np.concatenate(
        [
            hexadecimal(mixed(accounts, seed ^ 0x657670)),
            hexadecimal(mixed(accounts, seed ^ 0x657671)),
        ],
        axis=1,
    )
    letters[:, 12] = ord("4")  # the version of a random UUID, and its variant
    letters[:, 16] = ord("a")
    ids = np.full((len(accounts), 36), ord("-"), dtype=np.uint8)
    places = [place for place in range(36) if place not in (8, 13, 18, 23)]
    ids[:, places] = letters
    return joined(ids)


def phones(seed: int, accounts: Int64s) -> Names:
    """A mobile telephone of each number below 10^8, in the area code 00 that Brazil has not."""
    ids = np.empty((len(accounts), 14), dtype=np.uint8)
    ids[:, :6] = np.frombuffer(b"+55009", dtype=np.uint8)
    ids[:, 6:] = digits(permuted(seed, accounts, 10**8), 8)
    return joined(ids)


def _mails(seed: int, accounts: Int64s) -> Names:
    ids = np.empty((len(accounts), 23), dtype=np.uint8)
    ids[:, 0] = ord("p")
    ids[:, 1:11] = digits(permuted(seed + 1, accounts, 10**10), 10)
    ids[:, 11:] = np.frombuffer(b"@example.com", dtype=np.uint8)
    return joined(ids)


def _ispb_bytes() -> Letters:
    return np.frombuffer("".join(ISPBS).encode(), dtype=np.uint8).reshape(-1, 8)


def _dates(occurred_at: Int64s) -> Letters:
    days = (occurred_at // DAY).astype("datetime64[D]")
    text = np.datetime_as_string(days, unit="D").astype("S10")
    matrix = text.view(np.uint8).reshape(-1, 10)
    return matrix[:, [0, 1, 2, 3, 5, 6, 8, 9]]
