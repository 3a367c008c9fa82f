"""What was told of devices, keys, persons, limits and log-ins enters what Spark's process decides
of the transfers behind it, as it enters what the service decides.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.numbers import Numbers
from crivo.adapters.kafka.records import record_of
from crivo.adapters.spark.kept import RECORD, Kept
from crivo.bootstrap.home import Paths, record_cipher, rotation_of
from crivo.bootstrap.service import champion_bundle, serving_plan
from crivo.bootstrap.spark import Decider
from crivo.bootstrap.spark_records import placed_in, published
from crivo.decision.record import decode_record
from crivo.domain.clock import ClockKind
from crivo.domain.instant import DAY, HOUR, MINUTE, format_rfc3339
from crivo.domain.streams import partition_of
from crivo.flows.event_rows import row_of, stored_event
from crivo.flows.ports import Manifest
from crivo.flows.telling import TellingService
from crivo.governance.pseudonym import Pseudonymiser
from tests.e2e.homes import make_home, settings_of
from tests.integration.workers import served, waiting_of
from tests.unit.decision.worlds import START, transfer, world

CLUSTER = Cluster("127.0.0.1:1")
PARTITIONS = 4
PSEUDONYMS = Pseudonymiser(bytes(range(32)))
ACCOUNT, PAYEE, KEY, PERSON, DEVICE = "12345678/0001/1", "12345678/0001/2", "k", "p", "d"
TOLD_AT = START + MINUTE

#: What is told before a transfer, and a feature that reads it.
TOLD = {
    "device_change.v1": (
        {"change_id": "c", "account_id": ACCOUNT, "device_id": DEVICE, "status": "REGISTERED"},
        "payer_device_device_enrolment_since_last_ever",
    ),
    "dict_entry.v1": (
        {
            "entry_id": "e",
            "key_id": KEY,
            "action": "FOUND",
            "account_id": PAYEE,
            "key_created_at": format_rfc3339(START - DAY),
        },
        "payee_key_key_created_age_ever",
    ),
    "dict_statistics.v1": (
        {
            "reading_id": "r",
            "of": "PERSON",
            "entity_id": PERSON,
            "settlements": {
                "watermark": format_rfc3339(START - HOUR),
                "received": {"d90": 7, "m12": 8, "m60": 9},
            },
        },
        "payee_person_received_d90_last_ever",
    ),
    "fraud_marker.v1": (
        {
            "marker_id": "m",
            "person_id": PERSON,
            "fraud_type": "MULE_ACCOUNT",
            "status": "REGISTERED",
        },
        "payee_person_fraud_marker_count_30d",
    ),
    "limit_change.v1": (
        {
            "change_id": "l",
            "effective_at": format_rfc3339(TOLD_AT),
            "account_id": ACCOUNT,
            "kind": "DAY",
            "before_centavos": 5_000,
            "after_centavos": 40_000,
        },
        "payer_day_limit_last_ever",
    ),
    "login.v1": (
        {
            "login_id": "i",
            "account_id": ACCOUNT,
            "action": "LOGIN",
            "method": "PIN",
            "result": "FAILED",
        },
        "payer_failed_login_count_1h",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def any_number():
    """No broker is there to say which numbers the writer gave."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crivo.bootstrap.spark.number_kept", lambda _cluster, *, is_settled: 0)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose service was told of all that, and then decided two transfers."""
    home = make_home(tmp_path_factory.mktemp("home"))
    facts = {
        "payer_account_id": PSEUDONYMS.account(ACCOUNT),
        "payee_account_id": PSEUDONYMS.account(PAYEE),
        "payee_person_id": PSEUDONYMS.person(PERSON),
        "payee_key_id": PSEUDONYMS.key(KEY),
        "device_id": PSEUDONYMS.device(DEVICE),
    }
    with world(home, bundle=champion_bundle(settings_of(home))) as played:
        telling = TellingService(played.service, PSEUDONYMS)
        for schema, (document, _) in TOLD.items():
            told = {"occurred_at": format_rfc3339(TOLD_AT), **document}
            telling.tell(schema, told).result(60)
        for number in range(2):
            at = TOLD_AT + (1 + number) * MINUTE
            made = dataclasses.replace(transfer(number, occurred_at=at), **facts)
            played.decide(made, received_at=at).result(60)
    return home


def by_spark(home, events, folder):
    """What Spark's process decides of a log: EndToEndId to what follows, and to its vector."""
    settings = settings_of(home)
    rows = [
        row_of(event, seq=at, partition=partition_of(event.key, PARTITIONS))
        for at, event in enumerate(events)
    ]
    manifest = Manifest("world", ClockKind.REPLAY, PARTITIONS)
    decider = Decider(settings, CLUSTER, manifest, str(folder), Kept(folder), bronze=None)
    came = published(CLUSTER, rows, [record_of(row) for row in rows])
    made = pa.Table.from_batches(decider(0, iter([placed(came)])))
    cipher = record_cipher(Paths(home), rotation_of(settings))
    answers = [
        stored_event(each.row, cipher).event
        for each in placed_in(CLUSTER, placed(made), Numbers(None, {}))
    ]
    records = [decode_record(each.payload) for each in answers if each.schema == "decision.v1"]
    derived = {each.end_to_end_id: each.derived for each in records}
    kept = {each.end_to_end_id: np.frombuffer(each.kept, dtype="<f8") for each in records}
    return derived, kept


def placed(records):
    """Records as Spark's source gives them: one after the other."""
    at = pa.array(range(records.num_rows), pa.int64())
    return records.append_column("offset", at).select(RECORD.names)


@pytest.fixture(scope="module")
def decided(home, tmp_path_factory):
    return by_spark(home, waiting_of(home), tmp_path_factory.mktemp("kept"))


def test_what_was_told_enters_spark_s_decisions_as_the_service_s(home, decided):
    """Law: of one log both make the same bytes of a transfer."""
    derived, _ = decided
    assert len(derived) == 2
    assert derived == served(home)


@pytest.mark.parametrize("schema", TOLD)
def test_sabotage_spark_that_was_not_told_of_one_kind_decides_on_another_vector(
    home, decided, tmp_path, schema
):
    events = [each for each in waiting_of(home) if each.schema != schema]
    derived, vectors = by_spark(home, events, tmp_path)
    column = serving_plan().names.index(TOLD[schema][1])
    for transfer_id, vector in decided[1].items():
        told, untold = vector[column], vectors[transfer_id][column]
        assert not np.array_equal(told, untold, equal_nan=True)
        assert derived[transfer_id] != served(home)[transfer_id]
