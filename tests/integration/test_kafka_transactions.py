"""A writer of a log in Kafka that failed leaves nothing behind that could take its name again."""

from __future__ import annotations

import gc

import pytest
from confluent_kafka import Producer

from crivo.adapters.kafka import writer
from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.writer import TransactionWriter
from crivo.domain.errors import Code, Unavailable
from crivo.flows.group_commit import call_directly

pytestmark = pytest.mark.slow


def producers():
    """Those that are still alive, whoever holds them."""
    gc.collect()
    return sum(isinstance(each, Producer) for each in gc.get_objects())


def open_writer():
    return TransactionWriter(
        Cluster("127.0.0.1:1"),
        settled=lambda _: None,
        recount=lambda: 0,
        notify=call_directly,
        seal=list,
    )


def test_a_producer_that_failed_is_gone_though_its_error_is_kept(monkeypatch):
    monkeypatch.setattr(writer, "COMMIT_SECONDS_MAX", 0.5)
    before = producers()
    with pytest.raises(Unavailable) as raised:
        open_writer()
    assert raised.value.code is Code.LOG_UNAVAILABLE
    assert raised.value.__traceback__ is not None, "its frames are held"
    assert producers() == before


def test_sabotage_a_producer_that_a_frame_holds_is_noticed():
    before = producers()
    held = Producer({"bootstrap.servers": "127.0.0.1:1"})
    assert producers() == before + 1
    del held
    assert producers() == before
