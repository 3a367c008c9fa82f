"""Telling: what is told is on disk, folded at once, and the same whoever repeats it."""

from __future__ import annotations

import numpy as np
import pytest

from crivo.decision.record import decode_record
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import HOUR, MINUTE, SECOND, format_rfc3339
from crivo.domain.streams import Stream
from crivo.flows.replay import replay
from crivo.flows.telling import TellingService
from crivo.flows.verify import verify
from crivo.governance.pseudonym import Pseudonymiser
from tests.unit.decision.worlds import START, plan, transfer, world

PSEUDONYMS = Pseudonymiser(bytes(range(32)))
ACCOUNT = "12345678/0001/1"


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def telling(played) -> TellingService:
    return TellingService(played.service, PSEUDONYMS)


def login(number: int, at: int, **changes: object) -> dict[str, object]:
    """A failed log-in."""
    return {
        "login_id": f"l-{number}",
        "occurred_at": format_rfc3339(at),
        "account_id": ACCOUNT,
        "action": "LOGIN",
        "method": "PIN",
        "result": "FAILED",
        **changes,
    }


def of_ana(number: int, at: int):
    """A transfer of the account that logs in."""
    made = transfer(number, occurred_at=at)
    return type(made)(
        made.end_to_end_id,
        at,
        10_000,
        PSEUDONYMS.account(ACCOUNT),
        made.payee_account_id,
    )


def served(played, number: int, at: int) -> dict[str, float]:
    """The vector that a decision was made on."""
    played.decide(of_ana(number, at), received_at=at).result(60)
    stored = played.log.read(start=played.log.end() - 1, limit=1)[0]
    kept = np.frombuffer(decode_record(stored.event.payload).kept, dtype="<f8")
    return dict(zip(plan().names, kept.tolist(), strict=True))


def test_what_is_told_counts_for_the_next_decision_and_replays_to_the_same_bytes(played, telling):
    for number in range(3):
        telling.tell("login.v1", login(number, START + number * SECOND)).result(60)
    vector = served(played, 1, START + MINUTE)
    assert vector["payer_failed_login_count_1h"] == 3.0
    assert vector["payer_failed_login_since_last_ever"] == 58.0
    limit = {
        "change_id": "c-1",
        "occurred_at": format_rfc3339(START + MINUTE),
        "effective_at": format_rfc3339(START + HOUR),
        "account_id": ACCOUNT,
        "kind": "DAY",
        "before_centavos": 5_000,
        "after_centavos": 40_000,
    }
    telling.tell("limit_change.v1", limit).result(60)
    assert np.isnan(served(played, 2, START + 2 * MINUTE)["payer_day_limit_last_ever"])
    later = served(played, 3, START + HOUR + 1)
    assert (later["payer_day_limit_last_ever"], later["payer_day_limit_used_today"]) == (
        40_000,
        0.5,
    )
    bundles = played.folder / "bundles"
    assert replay(played.log, bundles, progress=lambda _a, _b: None).is_equal
    checked = verify(played.log, bundles, one_in=1, progress=lambda _a, _b: None)
    assert (checked.compared, checked.differing, checked.stale) == (3, 0, 0)


def test_a_repeat_gets_the_first_answer_and_other_facts_a_conflict(played, telling):
    pending = telling.tell("login.v1", login(1, START))
    first, again = (telling.tell("login.v1", login(1, START)) for _ in range(2))
    assert first.result(60) == again.result(60) == pending.result(60)
    assert telling.tell("login.v1", login(1, START)).result(60) == pending.result(60)
    with pytest.raises(Refused) as caught:
        telling.tell("login.v1", login(1, START, result="SUCCEEDED"))
    assert caught.value.code is Code.CONFLICT
    assert sum(e.event.stream is Stream.LOGINS for e in played.log.read(start=0, limit=10)) == 1


def test_an_event_about_a_transfer_is_filled_in_from_it(played, telling):
    sent = of_ana(1, START)
    block = {
        "end_to_end_id": sent.end_to_end_id,
        "occurred_at": format_rfc3339(START + SECOND),
        "status": "REJECTED",
        "rejection": "AB03",
    }
    with pytest.raises(Refused) as unknown:
        telling.tell("settlement.v1", block)
    assert unknown.value.code is Code.NOT_FOUND
    played.decide(sent, received_at=START).result(60)
    telling.tell("settlement.v1", block).result(60)
    assert served(played, 2, START + MINUTE)["payer_undoing_count_24h"] == 1.0
    with pytest.raises(Refused) as told:
        telling.tell("settlement.v1", {**block, "payer_id": "somebody"})
    assert told.value.code is Code.FIELD_UNKNOWN


def test_what_no_feature_reads_is_kept_and_changes_nothing(played, telling):
    confirmed = login(1, START, action="CONFIRMATION")
    answer = telling.tell("login.v1", confirmed).result(60)
    entry = {
        "entry_id": "x-1",
        "occurred_at": format_rfc3339(START),
        "list": "BLOCK",
        "entity": "ACCOUNT",
        "entity_id": ACCOUNT,
    }
    with pytest.raises(Refused):
        telling.tell("list_entry.v1", entry)
    assert (played.log.end(), played.service.folded) == (answer.seq + 1, answer.seq + 1)
    assert served(played, 1, START + MINUTE)["payer_failed_login_count_1h"] == 0.0


@pytest.mark.parametrize(
    ("schema", "document", "code"),
    [
        ("transfer.v1", {}, Code.SCHEMA_UNKNOWN),
        ("report.v1", {}, Code.SCHEMA_UNKNOWN),
        ("decision.v1", {}, Code.SCHEMA_UNKNOWN),
        ("login.v9", {}, Code.SCHEMA_UNKNOWN),
        ("login.v1", [], Code.FIELD_TYPE),
        ("login.v1", login(1, START, result=None), Code.FIELD_MISSING),
        ("login.v1", login(1, START, account_id="x" * 999), Code.ID_INVALID),
        ("login.v1", login(1, START, occurred_at="1970-01-01T00:00:00Z"), Code.TIME_RANGE),
        ("settlement.v1", {"end_to_end_id": 7}, Code.NOT_FOUND),
        ("settlement.v1", [], Code.NOT_FOUND),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_folded(played, telling, schema, document, code):
    with pytest.raises(Refused) as caught:
        telling.tell(schema, document)
    assert caught.value.code is code
    assert (played.log.end(), played.service.folded) == (0, 0)


def test_an_event_from_the_future_is_refused_by_a_wall_clock(played, telling, monkeypatch):
    clock = played.service.clock
    monkeypatch.setattr(clock, "kind", ClockKind.WALL)
    monkeypatch.setattr(clock, "_wall", lambda: START)
    with pytest.raises(Refused) as caught:
        telling.tell("login.v1", login(1, START + 2 * MINUTE))
    assert caught.value.code is Code.CLOCK_AHEAD
    assert telling.tell("login.v1", login(1, START - HOUR)).result(60).received_at == START


def test_sabotage_a_log_that_lost_what_was_told_gives_other_vectors(played, telling, monkeypatch):
    telling.tell("login.v1", login(1, START)).result(60)
    served(played, 1, START + MINUTE)
    monkeypatch.setattr("crivo.flows.fold.told_rows", lambda _value, **_: [])
    bundles = played.folder / "bundles"
    assert verify(played.log, bundles, one_in=1, progress=lambda _a, _b: None).differing == 1
