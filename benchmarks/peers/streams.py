"""Transfers answered by an application of Quix Streams, in an environment of its own: prints JSON.

    python -m benchmarks.peers.streams JOB.json

It does what the plain loop does, in the idiom of the library: a count and a sum of each payer, kept
in its state store (RocksDB, with a topic of changes), and the score of the model over these and the
amount, transfer by transfer. No windows, rules, policy, reasons, record or seal. `JOB.json` says
the brokers, the topics, the model's file, how many transfers wait, and at which places of a
transfer's array its id and its amount stand; a record's key is the payer.

The clock runs from the end of the first transfer to that of the last; what the library then commits
and closes is not counted.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import lightgbm
import msgspec
import numpy as np
from quixstreams import Application, State

#: Seconds without the last transfer after which a run is given up.
GIVEN_UP_SECONDS: Final = 120.0


@dataclass(slots=True)
class Clock:
    """How many transfers were answered, and when the first and the last were."""

    done: int = 0
    began: tuple[float, float] = (0.0, 0.0)
    ended: tuple[float, float] = (0.0, 0.0)

    def tick(self, _topic: str, _partition: int, _offset: int) -> None:
        """One more was processed."""
        self.done += 1
        self.ended = time.perf_counter(), time.process_time()
        if self.done == 1:
            self.began = self.ended


def answer_all(job: dict[str, Any]) -> dict[str, Any]:
    """What the application took for all transfers of the job.

    Raises:
        RuntimeError: fewer came.
    """
    model = lightgbm.Booster(model_file=job["model"])
    vector = np.zeros((1, model.num_feature()))
    decode, encode = msgspec.msgpack.decode, msgspec.msgpack.encode

    def answer(value: bytes, state: State) -> bytes:
        transfer = decode(decode(value)[job["payload_at"]])
        amount = transfer[job["amount_at"]]
        count, total = state.get("count", 0), state.get("sum", 0)
        vector[0, :3] = (count, total, amount)
        state.set("count", count + 1)
        state.set("sum", total + amount)
        score = float(model.predict(vector, num_threads=1)[0])
        return encode((transfer[job["id_at"]], "HOLD" if score > 0.9 else "ALLOW", score))

    clock = Clock()
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        application = Application(
            broker_address=job["brokers"],
            consumer_group="quix-streams",
            auto_offset_reset="earliest",
            state_dir=folder,
            auto_create_topics=True,
            loglevel="WARNING",
            producer_extra_config={"acks": "all", "compression.type": "lz4", "linger.ms": 2},
            on_message_processed=clock.tick,
        )
        transfers = application.topic(job["transfers"], value_deserializer="bytes")
        answers = application.topic(job["answers"], value_serializer="bytes")
        application.dataframe(transfers).apply(answer, stateful=True).to_topic(answers)
        application.run(count=job["count"], timeout=GIVEN_UP_SECONDS)
    if clock.done < job["count"]:
        raise RuntimeError(f"{clock.done} of {job['count']} transfers came")
    wall, processor = (clock.ended[at] - clock.began[at] for at in (0, 1))
    return {
        "answered": clock.done - 1,
        "seconds": wall,
        "processor_seconds": processor,
        "version": version("quixstreams"),
    }


if __name__ == "__main__":
    print(json.dumps(answer_all(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
