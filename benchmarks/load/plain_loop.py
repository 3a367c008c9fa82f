"""What one writes in an afternoon: a client of Kafka, LightGBM, and two sums a payer in a dict.

It decides nothing as Crivo does: no windows, rules, policy, reasons, record or seal, and nothing
that another start would know. It reads the same transfers, and scores vectors as wide as the
champion's by the champion's trees.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Final

import lightgbm
import msgspec
import numpy as np
from confluent_kafka import Consumer, Producer

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.records import Value
from crivo.domain.streams import Stream
from crivo.flows.codec import transfer_fields

BATCH: Final = 4_096

_VALUES: Final = msgspec.msgpack.Decoder(Value)
_ENCODER: Final = msgspec.msgpack.Encoder()


def answer_all(cluster: Cluster, model: lightgbm.Booster, count: int) -> tuple[float, float]:
    """Answers a second by the clock and by processor time, once the first batch is answered.

    Raises:
        RuntimeError: fewer transfers came than `count`.
    """
    consumer = Consumer(
        {
            **cluster.options(),
            "group.id": cluster.named("plain"),
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([cluster.named(Stream.TRANSFERS.value)])
    producer = Producer(
        {
            **cluster.options(),
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 2,
        }
    )
    topic = cluster.named(Stream.DECISIONS.value)
    counts: dict[bytes, int] = defaultdict(int)
    sums: dict[bytes, int] = defaultdict(int)
    done = first = 0
    begun = cpu = 0.0
    until = time.monotonic() + 120
    while done < count:
        messages = [each for each in consumer.consume(BATCH, timeout=0.2) if each.error() is None]
        if not messages:
            if time.monotonic() > until:
                raise RuntimeError(f"{done} of {count} transfers came")
            continue
        vectors = np.zeros((len(messages), model.num_feature()))
        transfers = []
        for line, message in enumerate(messages):
            transfer = transfer_fields(_VALUES.decode(message.value() or b"").payload)
            payer = transfer.payer_account_id or b""
            vectors[line, :3] = (counts[payer], sums[payer], transfer.amount_centavos)
            counts[payer] += 1
            sums[payer] += transfer.amount_centavos
            transfers.append(transfer)
        scores = np.asarray(model.predict(vectors, num_threads=1)).tolist()
        for message, transfer, score in zip(messages, transfers, scores, strict=True):
            answer = (transfer.end_to_end_id, "HOLD" if score > 0.9 else "ALLOW", score)
            producer.produce(
                topic, _ENCODER.encode(answer), message.key(), message.partition() or 0
            )
        producer.flush(60)
        consumer.commit(asynchronous=False)
        done += len(messages)
        if not first:
            first, begun, cpu = done, time.perf_counter(), time.process_time()
    took, used = time.perf_counter() - begun, time.process_time() - cpu
    consumer.close()
    return (done - first) / took, (done - first) / used
