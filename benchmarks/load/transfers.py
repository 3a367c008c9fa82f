"""Request bodies made from a seed: customers with habits, as many transfers as asked for."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Final

from crivo.domain.identifiers import derived_end_to_end_id
from crivo.domain.instant import format_rfc3339

CUSTOMERS: Final = 20_000
KNOWN_PAYEES: Final = 6
INITIATIONS: Final = ("DICT", "DICT", "DICT", "MANU", "QRDN", "QRES")


def bodies(count: int, *, seed: int, start: int, gap: int) -> Iterator[bytes]:
    """`count` JSON bodies of POST /v1/decisions, `gap` microseconds apart from the instant `start`.

    Four of five transfers go to one of the payer's few known payees; amounts are log-normal.
    """
    dice = random.Random(seed)
    for number in range(count):
        occurred_at = start + number * gap
        payer = dice.randrange(CUSTOMERS)
        if dice.random() < 0.8:
            payee = (payer * 31 + dice.randrange(KNOWN_PAYEES) * 977 + 1) % CUSTOMERS
        else:
            payee = dice.randrange(CUSTOMERS)
        body = {
            "end_to_end_id": derived_end_to_end_id(occurred_at, str(seed), str(number)),
            "occurred_at": format_rfc3339(occurred_at),
            "received_at": format_rfc3339(occurred_at),
            "amount_centavos": min(int(dice.lognormvariate(8.9, 1.3)) + 1, 10**9),
            "payer_account_id": f"account-{payer}",
            "payee_account_id": f"account-{payee}",
            "payer_person_id": f"person-{payer}",
            "payee_person_id": f"person-{payee}",
            "payee_key_id": f"key-{payee}",
            "device_id": f"device-{payer}",
            "payer_ispb": "12345678",
            "payee_ispb": f"{payee % 40:08d}",
            "initiation": dice.choice(INITIATIONS),
            "purpose": "IPAY",
        }
        yield json.dumps(body).encode()
