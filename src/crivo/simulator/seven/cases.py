"""Confirmed cases of fraud: what the bank knew in the end, and since when.

A case is closed when the victim's claim is accepted. Where none was made, or it was rejected, the
fraud is found later by the bank's own tracing of the accounts; the table is what an archive holds
after all of that, and `data_deteccao` says from when on a row may be used.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import numpy as np

from crivo.domain.instant import DAY
from crivo.simulator.columns import Column, Columns, Kind, words
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.grain import to_milliseconds
from crivo.simulator.lettering import Names, digits, prefixed
from crivo.simulator.reports import DelayTable
from crivo.simulator.rows import NONE, Rows
from crivo.simulator.seven.words import CaseStatus
from crivo.simulator.typology import Typology
from crivo.simulator.world import World

#: From the claim, or the transfer where nobody claimed, to the end of the bank's own tracing.
_TRACED_AFTER: Final = DelayTable(
    ((55, 5 * DAY, 20 * DAY), (35, 20 * DAY, 60 * DAY), (10, 60 * DAY, 90 * DAY))
)


def case_kind(typology: Typology) -> str:
    """`tipo_fraude`: the typology's Portuguese name up to a comma or bracket, as one word.

    "Mão fantasma, acesso remoto" is `mao_fantasma`.
    """
    name = re.split(r"[,(]", typology.name_pt)[0].strip()
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return plain.lower().replace(" ", "_")


def detected_at(world: World, rows: Rows) -> Int64s:
    """When each fraud was confirmed."""
    draws = Draws(world.options.seed, "cases")
    claimed = rows["contested_at"] != NONE
    since = np.where(
        claimed, np.maximum(rows["contested_at"], rows["settled_at"]), rows["occurred_at"]
    )
    traced = since + _TRACED_AFTER.drawn(draws, len(rows))
    return to_milliseconds(np.where(rows["accepted"], rows["settled_at"], traced))


def case_columns(world: World, rows: Rows, ids: Names) -> Columns:
    """`fraudes`: one row for each of these frauds, by the instant of detection."""
    at = detected_at(world, rows)
    order = np.argsort(at, kind="stable")
    names = words(tuple(case_kind(typology) for typology in world.typologies) or ("",))
    count = np.arange(1, len(rows) + 1, dtype=np.int64)
    status = np.zeros(len(rows), dtype=np.int64)
    return (
        Column("id_fraude", Kind.TEXT, prefixed(b"F", digits(count, 9))),
        Column("id_transacao", Kind.TEXT, ids[order]),
        Column("tipo_fraude", Kind.WORD, names[rows["typology"].astype(np.int64)][order]),
        Column("data_deteccao", Kind.INSTANT, at[order]),
        Column("valor_fraude", Kind.MONEY, rows["amount_centavos"][order]),
        Column("status", Kind.WORD, words((CaseStatus.CONFIRMED,))[status]),
    )
