"""The mapping file: which column of a foreign table is what, typed, with errors that name it."""

from __future__ import annotations

import re
import tomllib
from datetime import tzinfo
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfoNotFoundError

import msgspec

from crivo.domain.errors import Refused
from crivo.domain.instant import DAY, parse_date
from crivo.flows.column_ranges import RANGE_COLUMNS_MAX, is_range_sound, spelled_out
from crivo.flows.mapping_faults import mapping_fault, mistyped
from crivo.flows.mapping_label import check_label
from crivo.flows.told_mapping import Told, check_told
from crivo.flows.zones import TimeUnit, instant_in, zone_of
from crivo.model.order import Order

_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


class Kind(StrEnum):
    """`events`: transfers for the log. `rows`: ready-made inputs for a model, one a row."""

    EVENTS = "events"
    ROWS = "rows"


class AmountUnit(StrEnum):
    """What an amount counts; `REAIS_ROUNDED`, for plain rows alone: to the next centavo."""

    REAIS = "reais"
    CENTAVOS = "centavos"
    REAIS_ROUNDED = "reais_rounded"


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A section of the file: frozen, and strict about names."""


class Time(_Section, frozen=True):
    """When a row happened: a time as text or type, or a number of `unit` since `epoch`.

    `zone` (UTC, an offset such as -03:00, or a place such as America/Sao_Paulo) is for times that
    name none. `received` is the column of the receipt; without one a row was received as it
    happened.
    """

    column: str
    zone: str = "UTC"
    received: str | None = None
    unit: TimeUnit | None = None
    epoch: str | None = None


class Amount(_Section, frozen=True):
    """The column of the amount. Nothing is converted: `currency` can only be BRL."""

    column: str
    unit: AmountUnit = AmountUnit.REAIS
    currency: str = "BRL"


class TransferColumns(_Section, frozen=True):
    """The columns of a transfer; `payer` and `payee` are accounts.

    An `id` of the form of an EndToEndId is one; from any other, one is made.
    """

    amount: Amount
    id: str | None = None
    payer: str | None = None
    payee: str | None = None
    payer_person: str | None = None
    payee_person: str | None = None
    payee_key: str | None = None
    device: str | None = None
    payer_ispb: str | None = None
    payee_ispb: str | None = None
    initiation: str | None = None
    purpose: str | None = None
    service_level: str | None = None
    txid: str | None = None
    initiator_ispb: str | None = None
    payer_segment: str | None = None
    payee_segment: str | None = None

    def columns(self) -> dict[str, str]:
        """The named columns, without the amount's, by field."""
        found = {name: getattr(self, name) for name in self.__struct_fields__ if name != "amount"}
        return {name: column for name, column in found.items() if column is not None}


class Label(_Section, frozen=True):
    """Which rows were fraud, and when that was known: a column, or days after the receipt."""

    column: str
    positive: int | bool | str = 1
    known_after_days: float | None = None
    known_at: str | None = None


class Weight(_Section, frozen=True):
    """What a row counts for, to restore the true prevalence of a sample."""

    column: str


class Entity(_Section, frozen=True):
    """Whose a plain row is: its card, customer or account."""

    column: str


class Features(_Section, frozen=True):
    """The inputs of a model on rows. `V1..V28` stands for all columns from V1 to V28.

    `ignored` are columns that may stand in the table and are not read; any other is refused.
    """

    columns: list[str]
    ignored: list[str] = msgspec.field(default_factory=list)


class Play(_Section, frozen=True):
    """The stretch that a demo plays: from this day (in the zone of [time]), so many days."""

    start: str = msgspec.field(name="from")
    days: int


class Mapping(_Section, frozen=True):
    """A mapping file. `source` names the table for good: ids are made from it.

    With sections `told` it is that of a folder of streams, where `transfers` is the folder of the
    files of transfers. A table of rows may have no time; `order` says then that its rows stand in
    the order in which they happened.
    """

    source: str
    kind: Kind
    timed: Time | None = msgspec.field(name="time", default=None)
    order: Order | None = None
    transfer: TransferColumns | None = None
    label: Label | None = None
    weight: Weight | None = None
    entity: Entity | None = None
    amount: Amount | None = None
    features: Features | None = None
    play: Play | None = None
    transfers: str = "transfers"
    told: list[Told] = msgspec.field(default_factory=list)

    @property
    def time(self) -> Time:
        """When a row happened. Not to be asked of a table of rows without a time (`timed`)."""
        assert self.timed is not None, "the rows have no time"
        return self.timed

    @property
    def ordered_by(self) -> Order:
        """What makes a row earlier than another."""
        return Order.TIME if self.timed is not None else self.order or Order.DRAWN

    @property
    def zone(self) -> tzinfo:
        """The zone of times that name none."""
        return zone_of(self.time.zone)

    @property
    def epoch(self) -> int:
        """The instant that numeric times count from."""
        return 0 if self.time.epoch is None else instant_in(self.time.epoch, self.zone)

    @property
    def feature_columns(self) -> tuple[str, ...]:
        """The inputs of a model on rows, ranges spelled out."""
        columns = self.features.columns if self.features else []
        return tuple(name for pattern in columns for name in spelled_out(pattern))

    @property
    def ignored_columns(self) -> tuple[str, ...]:
        """The columns that are known and not read, ranges spelled out."""
        columns = self.features.ignored if self.features else []
        return tuple(name for pattern in columns for name in spelled_out(pattern))

    @property
    def known_after(self) -> int | None:
        """How long after the receipt a label is known, in microseconds; None: a column says."""
        if self.label is None or self.label.known_after_days is None:
            return None
        return round(self.label.known_after_days * DAY)

    @property
    def play_start(self) -> int | None:
        """The instant at which the played stretch starts."""
        if self.play is None:
            return None
        return instant_in(self.play.start, self.zone)

    @property
    def play_end(self) -> int | None:
        """The instant before which the played stretch ends."""
        if self.play is None or self.play_start is None:
            return None
        return self.play_start + self.play.days * DAY

    def columns(self) -> tuple[str, ...]:
        """Every column of the table that the mapping reads, each once."""
        found = [] if self.timed is None else [self.timed.column, self.timed.received]
        if self.transfer is not None:
            found += [self.transfer.amount.column, *self.transfer.columns().values()]
        if self.label is not None:
            found += [self.label.column, self.label.known_at]
        if self.weight is not None:
            found.append(self.weight.column)
        found += [each.column for each in (self.entity, self.amount) if each is not None]
        found += self.feature_columns
        return tuple(dict.fromkeys(name for name in found if name is not None))


def parse_mapping(text: str, *, name: str) -> Mapping:
    """The mapping of a file's text; `name` is the file's, for the error.

    Raises:
        Misconfigured: MAPPING_INVALID, with the field.
    """
    try:
        tree = tomllib.loads(text)
        mapping = msgspec.convert(tree, Mapping)
    except tomllib.TOMLDecodeError as error:
        raise mapping_fault(name, "the file", "TOML", in_words=str(error)) from None
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at ")
        field = path.strip("`").removeprefix("$.") or "the file"
        expected, found = mistyped(what) or (_allowed(field), what)
        # One letter more than the section that is meant.
        expected += _MEANT.get(field, "")
        raise mapping_fault(name, field, expected, in_words=found) from None
    _check(mapping, name)
    return mapping


_MEANT: Final = {"transfers": " (a folder of files; the section of columns is [transfer])"}
_SECTIONS: Final[dict[str, type[msgspec.Struct]]] = {
    "the file": Mapping,
    "time": Time,
    "transfer": TransferColumns,
    "transfer.amount": Amount,
    "label": Label,
    "weight": Weight,
    "entity": Entity,
    "amount": Amount,
    "features": Features,
    "play": Play,
    "told[...]": Told,
}
_VALUES: Final[dict[str, type[StrEnum]]] = {
    "kind": Kind,
    "order": Order,
    "time.unit": TimeUnit,
    "transfer.amount.unit": AmountUnit,
    "amount.unit": AmountUnit,
}


def _allowed(field: str) -> str:
    """What may stand there: the keys of a section, or the values of a key."""
    if field in _VALUES:
        return "one of " + ", ".join(_VALUES[field])
    if field in _SECTIONS:
        fields = msgspec.structs.fields(_SECTIONS[field])
        names = [
            f"{each.encode_name} (needed)" if each.required else each.encode_name for each in fields
        ]
        return "a section of " + ", ".join(names)
    return "what docs/reference/mapping.md says"


def _check(mapping: Mapping, name: str) -> None:
    if not _SOURCE.fullmatch(mapping.source):
        raise mapping_fault(
            name, "source", "1 to 64 of a-z, 0-9, dot, dash, underscore", mapping.source
        )
    _check_time(mapping, name)
    if mapping.label is not None:
        check_label(mapping.label, name, of_events=mapping.kind is Kind.EVENTS)
    match mapping.kind:
        case Kind.EVENTS:
            _check_events(mapping, name)
            check_told(mapping.told, name)
        case Kind.ROWS:
            _check_rows(mapping, name)
    if mapping.play is not None:
        _check_play(mapping, mapping.play, name)


def _check_time(mapping: Mapping, name: str) -> None:
    if mapping.order is not None and (mapping.order is not Order.FILE or mapping.timed):
        expected = 'left out, or "file" where there is no [time]'
        raise mapping_fault(name, "order", expected, mapping.order.value)
    if mapping.timed is None:
        if mapping.kind is Kind.EVENTS:
            raise mapping_fault(name, "time", 'a section, for kind = "events"', None)
        if mapping.label is not None and mapping.label.known_after_days is not None:
            expected = "left out where the rows have no time"
            found = mapping.label.known_after_days
            raise mapping_fault(name, "label.known_after_days", expected, found)
        return
    try:
        mapping.zone  # noqa: B018
    except (ZoneInfoNotFoundError, ValueError):
        expected = "UTC, an offset such as -03:00, or a place such as America/Sao_Paulo"
        raise mapping_fault(name, "time.zone", expected, mapping.time.zone) from None
    if mapping.time.epoch is not None:
        _check_epoch(mapping, mapping.time.epoch, name)


def _check_epoch(mapping: Mapping, epoch: str, name: str) -> None:
    if mapping.time.unit is None:
        raise mapping_fault(name, "time.unit", "given beside epoch", None)
    try:
        instant_in(epoch, mapping.zone)
    except ValueError:
        raise mapping_fault(name, "time.epoch", "a time such as 2013-09-01", epoch) from None


def _check_events(mapping: Mapping, name: str) -> None:
    transfer = mapping.transfer
    if transfer is None:
        raise mapping_fault(name, "transfer", 'a section, for kind = "events"', None)
    _check_currency(transfer.amount, "transfer.amount", name)
    if transfer.amount.unit is AmountUnit.REAIS_ROUNDED:
        raise mapping_fault(
            name, "transfer.amount.unit", "reais or centavos: money is exact", "rounded"
        )
    if not (transfer.payer or transfer.payer_person):
        raise mapping_fault(name, "transfer.payer", "a column, or payer_person", None)
    if not (transfer.payee or transfer.payee_person or transfer.payee_key):
        raise mapping_fault(name, "transfer.payee", "a column, or payee_person or payee_key", None)
    if mapping.features is not None:
        raise mapping_fault(name, "features", 'only for kind = "rows"', "a section")
    for section in ("entity", "amount"):
        if getattr(mapping, section) is not None:
            expected = 'only for kind = "rows": [transfer] names it'
            raise mapping_fault(name, section, expected, in_words="a section")
    if mapping.weight is not None and mapping.told:
        raise mapping_fault(
            name, "weight", "only for one table, not for a folder of streams", "both"
        )


def _check_currency(amount: Amount, section: str, name: str) -> None:
    if amount.currency != "BRL":
        expected = "BRL (amounts are not converted)"
        raise mapping_fault(name, f"{section}.currency", expected, amount.currency)


def _check_rows(mapping: Mapping, name: str) -> None:
    if mapping.features is None or not mapping.features.columns:
        raise mapping_fault(name, "features.columns", 'names, for kind = "rows"', None)
    if mapping.told:
        raise mapping_fault(name, "told", 'only for kind = "events"', "a section")
    if mapping.transfer is not None:
        raise mapping_fault(name, "transfer", 'only for kind = "events"', "a section")
    if mapping.amount is not None:
        _check_currency(mapping.amount, "amount", name)
    for field in ("columns", "ignored"):
        for pattern in getattr(mapping.features, field):
            if not is_range_sound(pattern):
                expected = f"a rising range of at most {RANGE_COLUMNS_MAX} columns"
                raise mapping_fault(name, f"features.{field}", expected, pattern)
    if len(set(mapping.feature_columns)) < len(mapping.feature_columns):
        raise mapping_fault(name, "features.columns", "each column once", mapping.features.columns)


def _check_play(mapping: Mapping, play: Play, name: str) -> None:
    try:
        parse_date(play.start, field="play.from")
    except Refused:
        raise mapping_fault(name, "play.from", "a day such as 2018-08-08", play.start) from None
    if not 1 <= play.days <= 366:
        raise mapping_fault(name, "play.days", "1 to 366", play.days)
    if mapping.kind is not Kind.EVENTS:
        raise mapping_fault(name, "play", 'only for kind = "events"', "a section")
