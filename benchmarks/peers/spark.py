"""Transfers answered by Spark as one writes it in an afternoon, in the extra's environment.

    python -m benchmarks.peers.spark JOB.json

A pandas UDF asks a model server over HTTP for the score of each transfer; answers go to a topic,
and transfers with their scores to one Delta table. No windows, rules, policy, reasons, record or
seal, and no state. `JOB.json` says the brokers, the topics, the jars, where the server answers,
how many rows a call has, how many transfers a batch, where the table and the checkpoint go, and at
which places of a transfer's array its id and its amount stand.

The first batch, in which all is cold, is not counted. Prints JSON.
"""

from __future__ import annotations

import json
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import msgspec
import pandas
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from crivo.adapters.spark.session import spark_session


def answer_all(job: dict[str, Any]) -> dict[str, Any]:
    """What the query took for all transfers that waited but those of its first batch."""
    places, port, size = (
        (job["payload_at"], job["id_at"], job["amount_at"]),
        job["port"],
        job["rows"],
    )

    def answer(values: pandas.Series) -> pandas.DataFrame:
        return pandas.DataFrame(asked(values, places, port, size))

    def keep(rows: DataFrame, _batch: int) -> None:
        rows = rows.persist()
        said = rows.select("key", f.to_json("answer").cast("binary").alias("value"))
        to = said.write.format("kafka").option("kafka.bootstrap.servers", job["brokers"])
        to.option("topic", job["answers"]).save()
        rows.select("answer.*", "value").write.format("delta").mode("append").save(job["table"])
        rows.unpersist()

    with spark_session("local[2]", Path(job["jars"]), memory=job["memory"]) as session:
        source = session.readStream.format("kafka")
        source = source.option("kafka.bootstrap.servers", job["brokers"])
        source = source.option("subscribe", job["transfers"]).option("startingOffsets", "earliest")
        records = source.option("maxOffsetsPerTrigger", job["batch"]).load()
        # Spark reads the types of the answer once there is a session.
        udf = f.pandas_udf(answer, "id string, score double")
        answered = records.select("key", "value", udf("value").alias("answer"))
        writer = answered.writeStream.foreachBatch(keep)
        writer = writer.option("checkpointLocation", job["checkpoint"])
        query = writer.trigger(availableNow=True).start()
        query.awaitTermination()
        batches = [each for each in query.recentProgress if each.numInputRows]
        answers = session.read.format("delta").load(job["table"]).count()
    return {
        "answers": answers,
        "rows": sum(each.numInputRows for each in batches[1:]),
        "seconds": sum(each.durationMs["triggerExecution"] for each in batches[1:]) / 1_000,
    }


def asked(
    values: pandas.Series, places: tuple[int, int, int], port: int, size: int
) -> dict[str, list[Any]]:
    """The ids of some transfers, and what the server says of their amounts, `size` in one call."""
    decode = msgspec.msgpack.decode
    payload_at, id_at, amount_at = places
    transfers = [decode(decode(value)[payload_at]) for value in values]
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    scores: list[float] = []
    for at in range(0, len(transfers), size):
        amounts = [each[amount_at] for each in transfers[at : at + size]]
        body = json.dumps({"amounts": amounts})
        connection.request("POST", "/score", body, {"Content-Type": "application/json"})
        scores += json.loads(connection.getresponse().read())["scores"]
    connection.close()
    return {"id": [each[id_at] for each in transfers], "score": scores}


if __name__ == "__main__":
    print(json.dumps(answer_all(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
