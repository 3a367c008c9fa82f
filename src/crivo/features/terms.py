"""The words that declarations are made of, and which of them go together."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Entity(StrEnum):
    """Whose events are aggregated; `transfer` aggregates nothing and reads the transfer itself.

    An account is seen in both roles: `payer_receiving` is what the payer's account received,
    `payee_sending` what the payee's account paid, `pair_reversed` what the payee paid the payer.
    The institution is the payee's; so are the key that was paid to and the person who has the
    account: what the directory tells is about these two.
    """

    TRANSFER = "transfer"
    PAYER = "payer"
    PAYEE = "payee"
    PAIR = "pair"
    DEVICE = "device"
    INSTITUTION = "institution"
    PAYER_DEVICE = "payer_device"
    PAYER_INSTITUTION = "payer_institution"
    PAYER_RECEIVING = "payer_receiving"
    PAYEE_SENDING = "payee_sending"
    PAIR_REVERSED = "pair_reversed"
    PAYEE_KEY = "payee_key"
    PAYEE_PERSON = "payee_person"


class EventKind(StrEnum):
    """Which events are aggregated: kinds of row, by the names of `row.RowKind`.

    `undoing` is what takes an attempt back (a rejection, a cancellation, a return), `settlement`
    what ends it well, both at the instant of the attempt, so that the latter's windows hold the
    transfers that are known to have settled; `day_limit`, `night_limit`, `dict_entry` and
    `dict_statistics` tell facts, which stand until the next one of their key tells others, as do
    `risk_signals`. `infraction`,
    `refund_request`, `recovery` and `authorisation` are the first steps of those, an
    `agreed_infraction` the last of one that was agreed to, a `listing` the entry into a list of
    those who are watched or stopped. Two are no rows but derived (the contract, §4): an `exposure`,
    once for each marked account that an account has met, from when both are so; and a `new_pair`,
    the first transfer ever of an account to another, at its instant.
    """

    TRANSFER = "transfer"
    REPORT = "report"
    LOGIN = "login"
    FAILED_LOGIN = "failed_login"
    CREDENTIAL_RESET = "credential_reset"
    DEVICE_ENROLMENT = "device_enrolment"
    DEVICE_SIGHTING = "device_sighting"
    DEVICE_REMOVAL = "device_removal"
    LIMIT_RAISE = "limit_raise"
    DAY_LIMIT = "day_limit"
    NIGHT_LIMIT = "night_limit"
    NIGHT_START = "night_start"
    UNDOING = "undoing"
    BLOCK = "block"
    DICT_ENTRY = "dict_entry"
    DICT_STATISTICS = "dict_statistics"
    FRAUD_MARKER = "fraud_marker"
    MARKER_CANCELLATION = "marker_cancellation"
    KEY_CLAIM = "key_claim"
    INFRACTION = "infraction"
    AGREED_INFRACTION = "agreed_infraction"
    REFUND_REQUEST = "refund_request"
    RECOVERY = "recovery"
    AUTHORISATION = "authorisation"
    RISK_SIGNALS = "risk_signals"
    LISTING = "listing"
    SETTLEMENT = "settlement"
    EXPOSURE = "exposure"
    NEW_PAIR = "new_pair"


class Measure(StrEnum):
    """What of an event is aggregated: itself, its amount, its civil time, who takes part, or one
    of the facts that it tells.
    """

    TRANSFER = "transfer"
    REPORT = "report"
    LOGIN = "login"
    FAILED_LOGIN = "failed_login"
    CREDENTIAL_RESET = "credential_reset"
    DEVICE_ENROLMENT = "device_enrolment"
    DEVICE_SIGHTING = "device_sighting"
    DEVICE_REMOVAL = "device_removal"
    LIMIT_RAISE = "limit_raise"
    DAY_LIMIT = "day_limit"
    NIGHT_LIMIT = "night_limit"
    NIGHT_START = "night_start"
    UNDOING = "undoing"
    BLOCK = "block"
    DICT_ENTRY = "dict_entry"
    DICT_STATISTICS = "dict_statistics"
    FRAUD_MARKER = "fraud_marker"
    MARKER_CANCELLATION = "marker_cancellation"
    KEY_CLAIM = "key_claim"
    INFRACTION = "infraction"
    AGREED_INFRACTION = "agreed_infraction"
    REFUND_REQUEST = "refund_request"
    RECOVERY = "recovery"
    AUTHORISATION = "authorisation"
    RISK_SIGNALS = "risk_signals"
    LISTING = "listing"
    SETTLEMENT = "settlement"
    EXPOSURE = "exposure"
    NEW_PAIR = "new_pair"
    AMOUNT = "amount"
    HOUR = "hour"
    WEEKDAY = "weekday"
    NIGHT = "night"
    PAYER = "payer"
    PAYEE = "payee"
    DEVICE = "device"
    INSTITUTION = "institution"
    ACCOUNT_OPENED = "account_opened"
    KEY_CREATED = "key_created"
    KEY_OWNED = "key_owned"
    RECEIVED_D90 = "received_d90"
    MARKERS_D90 = "markers_d90"
    MARKERS_M60 = "markers_m60"
    REPORTERS_M60 = "reporters_m60"
    OPEN_REPORTS = "open_reports"
    SETTLEMENTS_WATERMARK = "settlements_watermark"
    MARKERS_WATERMARK = "markers_watermark"
    REPORTS_WATERMARK = "reports_watermark"
    REMOTE_ACCESS = "remote_access"
    CALL_IN_PROGRESS = "call_in_progress"
    SCREEN_OVERLAID = "screen_overlaid"
    MOCK_LOCATION = "mock_location"
    COMPROMISED = "compromised"
    RECEIVER_MISMATCHED = "receiver_mismatched"
    PLACE_UNUSUAL = "place_unusual"
    LOAN_TAKEN = "loan_taken"


class Statistic(StrEnum):
    """How the measure is aggregated.

    `std` is the population's. `ratio` is the transfer's amount over the window's mean, `z_score`
    its distance from that mean in standard deviations, `rank` the share of the window's newest
    amounts that are less, those that are equal counting half. `decayed_…` halves the weight with
    each eighth of the window. `per_transfer` is the window's count over the count of the entity's
    transfers in the same window, `share` over the count without the filter, `pass_through` what
    the account paid over what it received. `distinct` counts others. `first` and `last` are what
    the first and the last event told: its amount, or a fact, of which the last stands; `age` is
    the time since the instant that a fact names, `used` what the payer paid in the window, less
    what was undone of it, over the limit in force. Ages are in seconds.
    """

    VALUE = "value"
    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    STD = "std"
    MIN = "min"
    MAX = "max"
    RATIO = "ratio"
    Z_SCORE = "z_score"
    RANK = "rank"
    DECAYED_COUNT = "decayed_count"
    DECAYED_SUM = "decayed_sum"
    PER_TRANSFER = "per_transfer"
    SHARE = "share"
    PASS_THROUGH = "pass_through"
    DISTINCT = "distinct"
    SINCE_LAST = "since_last"
    SINCE_FIRST = "since_first"
    FIRST = "first"
    LAST = "last"
    AGE = "age"
    USED = "used"


class NullRule(StrEnum):
    """When a feature has no value."""

    NEVER = "never"
    SATURATED = "saturated"
    NO_EVENT = "no_event"
    NO_FACT = "no_fact"
    NO_SPREAD = "no_spread"


class VisibleTo(StrEnum):
    """Who could compute the feature in the real rail."""

    PAYER_PSP = "payer_psp"
    PAYEE_PSP = "payee_psp"
    RAIL = "rail"


#: The facts that a kind of event tells, in the order of a row's `fact_…` columns.
FACTS: Final[Mapping[EventKind, tuple[Measure, ...]]] = {
    EventKind.DAY_LIMIT: (Measure.DAY_LIMIT,),
    EventKind.NIGHT_LIMIT: (Measure.NIGHT_LIMIT,),
    EventKind.NIGHT_START: (Measure.NIGHT_START,),
    EventKind.DICT_ENTRY: (Measure.ACCOUNT_OPENED, Measure.KEY_CREATED, Measure.KEY_OWNED),
    EventKind.DICT_STATISTICS: (
        Measure.RECEIVED_D90,
        Measure.MARKERS_D90,
        Measure.MARKERS_M60,
        Measure.REPORTERS_M60,
        Measure.OPEN_REPORTS,
        Measure.SETTLEMENTS_WATERMARK,
        Measure.MARKERS_WATERMARK,
        Measure.REPORTS_WATERMARK,
    ),
    EventKind.RISK_SIGNALS: (
        Measure.REMOTE_ACCESS,
        Measure.CALL_IN_PROGRESS,
        Measure.SCREEN_OVERLAID,
        Measure.MOCK_LOCATION,
        Measure.COMPROMISED,
        Measure.RECEIVER_MISMATCHED,
        Measure.PLACE_UNUSUAL,
        Measure.LOAN_TAKEN,
    ),
}

#: Kinds that stand from an instant on which may lie ahead: they are read as facts, never counted.
STANDING: Final = (EventKind.DAY_LIMIT, EventKind.NIGHT_LIMIT, EventKind.NIGHT_START)

#: Facts that are instants; the others are numbers.
INSTANTS: Final = (
    Measure.ACCOUNT_OPENED,
    Measure.KEY_CREATED,
    Measure.KEY_OWNED,
    Measure.SETTLEMENTS_WATERMARK,
    Measure.MARKERS_WATERMARK,
    Measure.REPORTS_WATERMARK,
)

#: Entities that are one account, for which the hour may be told at which its night begins, by the
#: entity whose events tell it.
ACCOUNTS: Final[Mapping[Entity, Entity]] = {
    Entity.PAYER: Entity.PAYER,
    Entity.PAYER_RECEIVING: Entity.PAYER,
    Entity.PAYEE: Entity.PAYEE_SENDING,
    Entity.PAYEE_SENDING: Entity.PAYEE_SENDING,
}

_HOLDER: Final = (Entity.PAYER, Entity.DEVICE, Entity.PAYER_DEVICE)
_DIRECTORY: Final = (Entity.PAYEE_KEY, Entity.PAYEE_PERSON)
_CONTESTED: Final = (Entity.PAYER, Entity.PAYEE, Entity.PAIR, Entity.PAYER_RECEIVING)

#: Whom an event of a kind is about; of the kinds that are not named, anybody.
ABOUT: Final[Mapping[EventKind, tuple[Entity, ...]]] = {
    EventKind.LOGIN: _HOLDER,
    EventKind.FAILED_LOGIN: _HOLDER,
    EventKind.CREDENTIAL_RESET: _HOLDER,
    EventKind.DEVICE_ENROLMENT: _HOLDER,
    EventKind.DEVICE_SIGHTING: _HOLDER,
    EventKind.DEVICE_REMOVAL: _HOLDER,
    EventKind.LIMIT_RAISE: (Entity.PAYER,),
    EventKind.DAY_LIMIT: (Entity.PAYER,),
    EventKind.NIGHT_LIMIT: (Entity.PAYER,),
    EventKind.NIGHT_START: (Entity.PAYER,),
    EventKind.UNDOING: (Entity.PAYER, Entity.PAYEE, Entity.PAIR),
    EventKind.BLOCK: (Entity.PAYEE, Entity.PAYER_RECEIVING),
    EventKind.DICT_ENTRY: (Entity.PAYEE, Entity.PAYEE_KEY),
    EventKind.DICT_STATISTICS: _DIRECTORY,
    EventKind.FRAUD_MARKER: _DIRECTORY,
    EventKind.MARKER_CANCELLATION: _DIRECTORY,
    EventKind.KEY_CLAIM: (Entity.PAYEE_KEY,),
    EventKind.INFRACTION: _CONTESTED,
    EventKind.AGREED_INFRACTION: _CONTESTED,
    EventKind.REFUND_REQUEST: _CONTESTED,
    EventKind.RECOVERY: _CONTESTED,
    EventKind.AUTHORISATION: (Entity.PAYER, Entity.PAYEE, Entity.PAIR),
    EventKind.RISK_SIGNALS: _HOLDER,
    EventKind.LISTING: (Entity.PAYER, Entity.PAYEE, Entity.DEVICE, *_DIRECTORY),
    EventKind.SETTLEMENT: _CONTESTED,
    EventKind.EXPOSURE: tuple(ACCOUNTS),
    EventKind.NEW_PAIR: tuple(ACCOUNTS),
}

#: Kinds whose events have an amount.
WITH_AMOUNT: Final = (
    EventKind.TRANSFER,
    EventKind.REPORT,
    EventKind.UNDOING,
    EventKind.BLOCK,
    EventKind.INFRACTION,
    EventKind.AGREED_INFRACTION,
    EventKind.REFUND_REQUEST,
    EventKind.RECOVERY,
    EventKind.SETTLEMENT,
)
