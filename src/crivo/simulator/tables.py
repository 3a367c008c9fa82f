"""The tables of a world: transfers with what the payer's institution knows, reports, and the truth.

Ground truth lies apart. `transfers` carries two label columns, `reported` and `reported_at`, for
readers that take one table: they say what became known and when, never what was true.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.report import ReportStatus
from crivo.domain.transfer import Initiation
from crivo.simulator.answers import Answer
from crivo.simulator.columns import Column, Columns, Kind, Piece, words
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.institutions import ISPBS
from crivo.simulator.naming import account_ids, device_ids, end_to_end_ids, report_ids
from crivo.simulator.people import account_institutions
from crivo.simulator.roles import Role
from crivo.simulator.rows import INITIATIONS, NONE, PURPOSES, Rows
from crivo.simulator.sampling import WEIGHT, WHOLE, Sampling, of_block, picked
from crivo.simulator.world import Progress, World

TRANSFERS: Final = "transfers"
TRUTH: Final = "truth"
REPORTS: Final = "reports"
ANSWERS: Final = "answers"
TABLES: Final = (TRANSFERS, TRUTH, REPORTS)

#: Rows get their names in blocks of so many, so that a day of any size needs no more memory.
BLOCK_ROWS: Final = 8_192

CLAIM: Final = np.dtype(
    [("id", "S32"), ("contested_at", "<i8"), ("settled_at", "<i8"), ("accepted", "?")]
)

_BY_QR: Final = (Initiation.QRES, Initiation.QRDN, Initiation.APDN, Initiation.APES)


def tables(world: World, progress: Progress | None = None) -> Iterator[tuple[str, Columns]]:
    """The pieces of the tables by name, without their days."""
    for piece in platform_tables(world, progress):
        yield piece.table, piece.columns


def platform_tables(
    world: World, progress: Progress | None = None, sampling: Sampling = WHOLE
) -> Iterator[Piece]:
    """Pieces of tables: each day's transfers and truth in time order, at the end the reports.

    Where a policy other than the one that allows everything was played against, also `answers`.

    A sample keeps all frauds and all that was contested, and adds the column `weight`.
    """
    claims: list[Rows] = []
    stops = world.played is not None and world.played.stops
    for day, rows in world.rows(progress):
        draws = Draws(world.options.seed, "ids", *day.stream)
        kept = None
        if not sampling.is_whole:
            always = (rows["contested_at"] != NONE) | (rows["typology"] != NONE)
            kept = sampling.of_day(world.options.seed, day, rows, always)
        for first in range(0, len(rows), BLOCK_ROWS):
            block = rows[first : first + BLOCK_ROWS]
            institutions = account_institutions(world.town, block["payer"])
            ids = end_to_end_ids(draws, block["occurred_at"], institutions)
            contested = block["contested_at"] != NONE
            claims.append(_claims(block[contested], ids[contested]))
            made = {
                TRANSFERS: transfer_columns(world, block, ids, institutions),
                TRUTH: truth_columns(world, block, ids),
                **({ANSWERS: answer_columns(block, ids)} if stops else {}),
            }
            if kept is not None:
                places, weights = of_block(*kept, first, len(block))
                made = {name: picked(columns, places) for name, columns in made.items()}
                made[TRANSFERS] = (*made[TRANSFERS], Column(WEIGHT, Kind.INTEGER, weights))
            for name, columns in made.items():
                yield Piece(name, columns, day.date)
    for columns in report_columns(np.concatenate(claims)):
        yield Piece(REPORTS, columns)


def transfer_columns(
    world: World, rows: Rows, ids: npt.NDArray[np.bytes_], institutions: Int64s
) -> Columns:
    """What the payer's institution knows when it decides, and the two label columns."""
    seed = world.options.seed
    payers, payees = rows["payer"], rows["payee"]
    payee_institutions = account_institutions(world.town, payees)
    initiation = rows["initiation"].astype(np.int64)
    by_code = np.isin(initiation, [INITIATIONS.index(one) for one in _BY_QR])
    by_hand = initiation == INITIATIONS.index(Initiation.MANU)
    unreported = ~rows["accepted"]
    no_device = rows["device"] == NONE
    ispbs = words(ISPBS)
    payee_keys = world.key_claims.names(payees, by_code, rows["occurred_at"])
    return (
        Column("end_to_end_id", Kind.TEXT, ids),
        Column("occurred_at", Kind.INSTANT, rows["occurred_at"]),
        Column("amount_centavos", Kind.INTEGER, rows["amount_centavos"]),
        Column("payer_account", Kind.TEXT, account_ids(seed, payers, institutions)),
        Column("payee_account", Kind.TEXT, account_ids(seed, payees, payee_institutions)),
        Column("payee_key", Kind.TEXT, payee_keys, by_hand),
        Column("device", Kind.TEXT, device_ids(seed, rows["device"]), no_device),
        Column("payer_ispb", Kind.WORD, ispbs[institutions]),
        Column("payee_ispb", Kind.WORD, ispbs[payee_institutions]),
        Column("initiation", Kind.WORD, words(INITIATIONS)[initiation]),
        Column("purpose", Kind.WORD, words(PURPOSES)[rows["purpose"].astype(np.int64)]),
        Column("reported", Kind.FLAG, rows["accepted"]),
        Column("reported_at", Kind.INSTANT, rows["settled_at"], unreported),
    )


def truth_columns(world: World, rows: Rows, ids: npt.NDArray[np.bytes_]) -> Columns:
    """What nobody knows when deciding: fraud or not, of which campaign, how far down the chain.

    A row with a campaign that is no fraud goes with one: a bait, or an honest purchase that its
    payer will contest.
    """
    campaigns = rows["campaign"].astype(np.int64)
    alone = campaigns == NONE
    codes = words(tuple(typology.code for typology in world.typologies) or ("",))
    owners = np.append(world.plan.campaigns, 0)[campaigns]
    places = np.where(rows["typology"] == NONE, owners, rows["typology"])
    return (
        Column("end_to_end_id", Kind.TEXT, ids),
        Column("is_fraud", Kind.FLAG, rows["typology"] != NONE),
        Column("typology", Kind.WORD, codes[places], alone),
        Column("campaign", Kind.INTEGER, campaigns, alone),
        Column("role", Kind.WORD, words(tuple(Role.__members__))[rows["role"]], alone),
        Column("hop", Kind.INTEGER, rows["hop"].astype(np.int64), alone),
    )


def answer_columns(rows: Rows, ids: npt.NDArray[np.bytes_]) -> Columns:
    """What a policy answered in a play, and whether the money arrived: known after deciding."""
    return (
        Column("end_to_end_id", Kind.TEXT, ids),
        Column("answer", Kind.WORD, words(tuple(Answer.__members__))[rows["answer"]]),
        Column("arrived", Kind.FLAG, ~rows["stopped"]),
    )


def _claims(rows: Rows, ids: npt.NDArray[np.bytes_]) -> Rows:
    """Of contested rows what is kept of them until the world's end."""
    kept = np.zeros(len(rows), dtype=CLAIM)
    kept["id"] = ids
    for name in ("contested_at", "settled_at", "accepted"):
        kept[name] = rows[name]
    return kept


def report_columns(claims: Rows) -> Iterator[Columns]:
    """Two rows a claim, by `known_at`: it was made, and it was accepted or rejected.

    `claims` have the dtype CLAIM. At least one block of rows comes, which may be empty.
    """
    count = len(claims)
    known_at = np.concatenate([claims["contested_at"], claims["settled_at"]])
    order = np.argsort(known_at, kind="stable")
    statuses = words((ReportStatus.CLAIMED, ReportStatus.ACCEPTED, ReportStatus.REJECTED))
    for first in range(0, max(len(order), 1), BLOCK_ROWS):
        places = order[first : first + BLOCK_ROWS]
        mine, is_end = claims[places % max(count, 1)], places >= count
        ids = np.ascontiguousarray(mine["id"])
        status = np.where(is_end, np.where(mine["accepted"], 1, 2), 0)
        reports = np.where(is_end, report_ids(ids, b"2"), report_ids(ids, b"1"))
        yield (
            Column("report_id", Kind.TEXT, reports),
            Column("end_to_end_id", Kind.TEXT, ids),
            Column("status", Kind.WORD, statuses[status]),
            Column("known_at", Kind.INSTANT, known_at[places]),
        )
