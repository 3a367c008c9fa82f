"""Training sets in gold: the vectors of a feature table, what was known by batch, labels as of T.

The rows are those that a training set of the log has (`flows/training_set.py` judges both), and the
columns of batch features beside them. A set is a table of its own, written day by day, and
there once it stands in `gold.training_sets`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crivo.domain.errors import Code, Refused, Unavailable, invalid
from crivo.domain.event import transfer_event_id
from crivo.features.plan import Plan
from crivo.features.row import words
from crivo.flows.arrow import arrow_schema, days_of
from crivo.flows.batch_features import COLUMNS, batch_columns
from crivo.flows.build import columns_of
from crivo.flows.feature_tables import id_bytes, rows_of, vectors_table, words_of
from crivo.flows.labels import Known, Labels
from crivo.flows.lake import Lake, LakeTable
from crivo.flows.refine import Progress
from crivo.flows.training_set import Rules, TrainingPart, part_of, wanted_rows
from crivo.lake.column import Column, Kind
from crivo.lake.gold.account_receipts import GOLD as RECEIPTS
from crivo.lake.gold.transfers import GOLD as TRANSFERS
from crivo.lake.table import DAY, Table
from crivo.model.labels import NEVER, Tier

_NAMES: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LABELS: Final = ("end_to_end_id", "first_reported_at", "first_accepted_at")

_ABOUT: Final = (
    Column(DAY, Kind.DATE, is_nullable=False),
    Column("number", Kind.INTEGER, is_nullable=False),
    Column("event_id", Kind.BYTES, is_nullable=False),
    Column("payer_id", Kind.BYTES, is_nullable=False),
    Column("occurred_at", Kind.INTEGER, is_nullable=False),
    Column("received_at", Kind.INTEGER, is_nullable=False),
    Column("label_known_at", Kind.INTEGER),
    Column("label_tier", Kind.TEXT, is_nullable=False),
    Column("label", Kind.FLAG, is_nullable=False),
    Column("is_late", Kind.FLAG, is_nullable=False),
    Column("is_saturated", Kind.FLAG, is_nullable=False),
    Column("weight", Kind.NUMBER, is_nullable=False),
)

_TIERS: Final = tuple(tier.name for tier in Tier)
_COUNTS: Final = tuple(name.lower() for name in _TIERS)
#: The tables that a set is made of, as its row in the register names their versions.
_MADE_OF: Final = ("vectors_version", "transfers_version", "receipts_version")

#: Every set: what it was made of, in versions of tables, and how many rows of each tier it has.
SETS: Final = Table(
    "gold.training_sets",
    (
        Column("name", Kind.TEXT, is_nullable=False),
        Column("plan_hash", Kind.TEXT, is_nullable=False),
        Column("feature_set_hash", Kind.TEXT, is_nullable=False),
        *(
            Column(name, Kind.INTEGER, is_nullable=False)
            for name in (
                "cut", "labels_as_of", "label_delay", "silent_one_in", "rows", *_COUNTS, *_MADE_OF
            )
        ),
    ),
    key=("name",),
    partition=None,
)  # fmt: skip


@dataclass(slots=True)
class GoldSet:
    """A set that was written; `left_out` counts transfers by cause."""

    name: str
    table: str
    cut: int
    tiers: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.tiers.total()


@dataclass(frozen=True, slots=True)
class _Sources:
    """The tables that a set is made of, each at one version."""

    vectors: LakeTable
    transfers: LakeTable
    receipts: LakeTable

    @property
    def versions(self) -> tuple[int, int, int]:
        return self.vectors.version, self.transfers.version, self.receipts.version


def set_table(name: str, plan: Plan) -> Table:
    """The table of a training set over a plan's features.

    Raises:
        Refused: FIELD_VALUE for a name that no table can have.
    """
    if not _NAMES.fullmatch(name):
        expected = "1 to 40 of a-z, 0-9 and _, a letter first"
        raise invalid(Code.FIELD_VALUE, field="name", expected=expected, found=name)
    numbers = (Column(each, Kind.NUMBER) for each in plan.names)
    columns = (*_ABOUT, *COLUMNS, *numbers)
    return Table(f"gold.training_set_{name}", columns, key=("number",))


def build_gold_set(
    lake: Lake, plan: Plan, application: str, name: str, rules: Rules, *, progress: Progress
) -> GoldSet:
    """Writes the training set of that name.

    `application` is the name under which the feature table keeps how far it goes.

    Raises:
        Refused: FIELD_VALUE for a bad name, FILE_UNWRITABLE for one that a set has. Unavailable:
            NOT_FOUND without a feature table, LAKE_BUSY, LAKE_UNAVAILABLE.
    """
    table = set_table(name, plan)
    _check_free(lake, name)
    sources = _Sources(
        lake.open(vectors_table(plan)), lake.open(TRANSFERS.table), lake.open(RECEIPTS.table)
    )
    cut = sources.vectors.position(application)
    if cut is None:
        raise _no_vectors()
    made = GoldSet(name, table.name, cut)
    labels = known_labels(sources.transfers.read(_LABELS), labels_as_of=rules.labels_as_of)
    receipts = sources.receipts.read()
    counts = sources.vectors.counts()
    done = 0
    for day, rows in sorted(counts.items()):
        part, payees = _part(sources.vectors, plan, day, rules, labels)
        made.left_out.update(part.left_out)
        made.tiers.update({each: int((part.tier == Tier[each]).sum()) for each in _TIERS})
        if not lake.open(table).replace(_set_rows(table, plan, part, payees, receipts), [day]):
            raise _taken(name)
        done += rows
        progress(done, sum(counts.values()))
    _register(lake, plan, rules, made, sources)
    return made


def known_labels(transfers: pa.Table, *, labels_as_of: int) -> Labels:
    """What rows of `gold.transfers` tell that was known at an instant: nothing later is looked at.

    The first claim and the first accepted one are kept in gold by their receipt, so that what was
    known at any earlier instant follows from them.
    """
    rows = transfers.filter(pc.less_equal(transfers["first_reported_at"], labels_as_of))
    known: dict[tuple[int, int], Known] = {}
    columns = (rows[name].to_pylist() for name in _LABELS)
    for id_, claimed_at, accepted_at in zip(*columns, strict=True):
        is_known = accepted_at is not None and accepted_at <= labels_as_of
        about = words(transfer_event_id(id_))
        before = known.get(about, Known(NEVER))
        known[about] = Known(
            min(before.claimed_at, claimed_at),
            min(before.accepted_at, accepted_at if is_known else NEVER),
        )
    return Labels(known)


def _part(
    vectors: LakeTable, plan: Plan, day: date, rules: Rules, labels: Labels
) -> tuple[TrainingPart, Any]:
    """The training rows of a day, in the order of the log, and their payees (uint64[n, 2])."""
    table = vectors.read(None, {DAY: [day]}).sort_by("number")
    # What was received later than T is not there yet.
    table = table.filter(pc.less_equal(table["received_at"], rules.labels_as_of))
    rows, seq, found, flags = rows_of(plan, table)
    wanted = wanted_rows(rows, rules)
    part = part_of(rows, seq, found[wanted], flags[wanted], labels, rules)
    return part, words_of(rows[np.isin(seq, part.seq)], "payee")


def _set_rows(
    table: Table, plan: Plan, part: TrainingPart, payees: Any, receipts: pa.Table
) -> pa.Table:
    columns = columns_of(part, plan)
    found: dict[str, Any] = {
        DAY: days_of(part.occurred_at),
        "number": part.seq,
        "event_id": id_bytes(part.ids),
        "payer_id": id_bytes(part.payer_ids),
        "occurred_at": part.occurred_at,
        "received_at": part.received_at,
        "label_known_at": pa.array(part.accepted_at, mask=part.accepted_at == NEVER),
        "label_tier": pa.array([_TIERS[tier] for tier in part.tier], pa.string()),
        **columns.flags,
    }
    ids = (part.payer_ids, payees)
    found |= batch_columns(receipts, ids, days_of(part.received_at))
    for name, numbers in columns.numbers.items():
        found[name] = pa.array(numbers, mask=np.isnan(numbers))
    schema = arrow_schema(table)
    return pa.table({field.name: pa.array(found[field.name]) for field in schema}).cast(schema)


def _register(lake: Lake, plan: Plan, rules: Rules, made: GoldSet, sources: _Sources) -> None:
    cells = (
        made.name, plan.plan_hash, plan.set_hash, made.cut, rules.labels_as_of, rules.label_delay,
        rules.silent_one_in, made.rows, *(made.tiers[each] for each in _TIERS), *sources.versions,
    )  # fmt: skip
    rows = pa.table([[cell] for cell in cells], schema=arrow_schema(SETS))
    if not lake.open(SETS).append(rows, {_mark(made.name): 1}):
        raise _taken(made.name)


def _check_free(lake: Lake, name: str) -> None:
    """Nothing, if no set has the name.

    Raises:
        Refused: FILE_UNWRITABLE.
    """
    if lake.has(SETS) and lake.open(SETS).position(_mark(name)) is not None:
        raise Refused(
            Code.FILE_UNWRITABLE,
            f"there is a training set {name} already, and no set is written over another",
            hint="Give it another name; `crivo lake show gold.training_sets` lists them.",
            field="name",
            expected="a name that no set has",
            found=name,
        )


def _mark(name: str) -> str:
    return f"crivo/sets/{name}"


def _no_vectors() -> Unavailable:
    return Unavailable(
        Code.NOT_FOUND,
        "the lake has no feature table of the plan that is served",
        hint="`crivo lake features` makes it.",
        field="table",
    )


def _taken(name: str) -> Unavailable:
    return Unavailable(
        Code.LAKE_BUSY,
        f"another writer made the training set {name} at the same time",
        hint="See `crivo lake show gold.training_sets`; make yours under another name.",
        field="name",
        found=name,
    )
