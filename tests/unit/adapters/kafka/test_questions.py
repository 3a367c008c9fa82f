"""Questions that an election stands in the way of: a cluster that answers by a script of errors."""

from __future__ import annotations

import random
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import ListOffsetsResultInfo

from crivo.adapters.kafka import client, topics
from crivo.adapters.kafka.client import ANSWER_SECONDS_MAX, Cluster, ask
from crivo.adapters.kafka.intake import LATEST, offsets
from crivo.domain.errors import Code, CrivoError, Misconfigured, Unavailable

CLUSTER = Cluster("127.0.0.1:1")
BORNE = sorted(client._PASSING | client._UNHEARD | client._SILENCES)
CODES = sorted(
    {
        code
        for name in dir(KafkaError)
        if name.isupper() and isinstance(code := getattr(KafkaError, name), int)
    }
)


class Election:
    """A clock, and a cluster beside it whose partitions move `moves` times.

    Who asks without having fetched the news since the last move is told an error. Each answer, and
    each time that news are fetched, takes a moment.
    """

    def __init__(self, chance, *, codes, moves=None):
        self._chance = chance
        self._codes = codes
        self._moves = moves
        self.now = 0.0
        self.fetched = 0
        self.asked = 0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds

    def list_topics(self, *, timeout):
        assert 0 < timeout <= ANSWER_SECONDS_MAX
        self.now += self._chance.uniform(0, 0.05)
        self.fetched += 1

    def question(self, seconds):
        assert 0 < seconds <= ANSWER_SECONDS_MAX
        self.asked += 1
        self.now += self._chance.uniform(0, 0.05)
        if self._moves is None or self.fetched < self._moves:
            raise KafkaException(KafkaError(self._chance.choice(self._codes)))
        return "the answer"

    def asks(self, monkeypatch):
        monkeypatch.setattr(client, "time", self)
        monkeypatch.setattr(client, "_cause", lambda _cluster: None)
        return ask(CLUSTER, "answer", self, self.question)


@pytest.mark.parametrize("seed", range(40))
def test_an_error_that_goes_away_is_never_told(monkeypatch, seed):
    """Law: as many elections as fit into the time of one question are waited out."""
    chance = random.Random(seed)
    moves = chance.randrange(60)
    election = Election(chance, codes=BORNE, moves=moves)
    assert election.asks(monkeypatch) == "the answer"
    assert (election.asked, election.fetched) == (moves + 1, moves)


@pytest.mark.parametrize("code", BORNE)
def test_an_error_that_stays_is_told_in_time(monkeypatch, code):
    election = Election(random.Random(code), codes=[code])
    with pytest.raises(Unavailable) as told:
        election.asks(monkeypatch)
    assert told.value.code is Code.LOG_UNAVAILABLE
    assert ANSWER_SECONDS_MAX - 1 < election.now < ANSWER_SECONDS_MAX + 0.1


@pytest.mark.parametrize("code", sorted(set(CODES) - set(BORNE)))
def test_any_other_error_is_told_at_once(monkeypatch, code):
    """Law: no refusal and no damage is asked about again."""

    def told_after():
        election = Election(random.Random(code), codes=[code])
        with pytest.raises(CrivoError):
            election.asks(monkeypatch)
        return election.asked

    assert told_after() == 1
    # Sabotage: one that bears whatever comes would be noticed.
    monkeypatch.setattr(client, "is_passing", lambda _error: True)
    assert told_after() > 1


def test_who_asks_again_by_what_he_knew_before_is_told_so_to_the_end(monkeypatch):
    """Sabotage: a question that is put again without news would be noticed."""
    election = Election(random.Random(7), codes=BORNE, moves=1)
    monkeypatch.setattr(election, "list_topics", lambda *, timeout: None)
    with pytest.raises(Unavailable):
        election.asks(monkeypatch)


class Silence(Election):
    """An election that takes so long, in seconds; the leader of before says nothing more.

    A question waits for whom its client takes for the leader, as long as it may.
    """

    def __init__(self, chance, *, seconds):
        super().__init__(chance, codes=[KafkaError._TIMED_OUT])
        self._until = seconds
        self._is_known = False

    def list_topics(self, *, timeout):
        super().list_topics(timeout=timeout)
        self._is_known = self.now > self._until

    def question(self, seconds):
        if self._is_known:
            return "the answer"
        self.now += seconds
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


@pytest.mark.parametrize("seed", range(20))
def test_a_leader_that_fell_silent_is_waited_for_no_longer_than_another_leads(monkeypatch, seed):
    """Law: of a broker that is killed, another leads what it led after its session of 9 s."""
    chance = random.Random(seed)
    silence = Silence(chance, seconds=chance.uniform(0, 11))
    assert silence.asks(monkeypatch) == "the answer"
    # Sabotage: who waits for the first as long as for an answer would be noticed.
    monkeypatch.setattr(client, "_TURN_SECONDS_MAX", ANSWER_SECONDS_MAX)
    with pytest.raises(Unavailable):
        Silence(chance, seconds=chance.uniform(0, 11)).asks(monkeypatch)


class Told:
    """An administrator that is told these offsets of as many partitions."""

    def __init__(self, *told):
        self._told = told

    def list_offsets(self, asked, **_options):
        answers = {}
        for part, offset in zip(asked, self._told, strict=True):
            answers[part] = Future()
            answers[part].set_result(ListOffsetsResultInfo(offset, -1, -1))
        return answers


def test_a_partition_whose_leader_is_silent_is_no_empty_one():
    """Law: the client gives no offset and no error of it beside the answers of the others."""
    asked = [TopicPartition("pix.transfers.v1", partition) for partition in range(3)]
    assert offsets(Told(3, 0, 7), asked, LATEST, 1.0) == [3, 0, 7]
    with pytest.raises(KafkaException) as silent:
        offsets(Told(3, OFFSET_INVALID, 7), asked, LATEST, 1.0)
    assert silent.value.args[0].code() in client._SILENCES


class Hearing:
    """A cluster whose brokers hear of a topic after so many looks; None: never. Its clock."""

    def __init__(self, after):
        self._after = after
        self.now = 0.0
        self.looks = 0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds

    def list_topics(self, *, timeout):
        self.looks += 1
        is_heard = self._after is not None and self.looks > self._after
        return SimpleNamespace(topics={"log": "its partitions"} if is_heard else {})


def found_in(hearing, monkeypatch):
    monkeypatch.setattr(topics, "time", hearing)
    return topics.find_topic(CLUSTER, hearing, "log", 1.0)


def test_a_topic_that_a_broker_hears_of_in_a_moment_is_there(monkeypatch):
    for after in (0, 1, 9):
        assert found_in(Hearing(after), monkeypatch) == "its partitions"


def test_a_topic_that_is_not_there_is_told_within_seconds(monkeypatch):
    hearing = Hearing(None)
    with pytest.raises(Misconfigured) as told:
        found_in(hearing, monkeypatch)
    assert (told.value.code, told.value.context["expected"]) == (Code.LOG_MISMATCH, "log")
    assert 1 < hearing.now < 5 and hearing.looks > 1


def test_too_few_brokers_for_the_replicas_are_told_with_the_settings_that_say_how_many():
    told = {
        code: client.failure(CLUSTER, "make topics", KafkaError(code))
        for code in (KafkaError.INVALID_REPLICATION_FACTOR, KafkaError.UNKNOWN)
    }
    names = {code: "CRIVO_KAFKA__IN_SYNC_MIN=1" in str(error.hint) for code, error in told.items()}
    assert names == {KafkaError.INVALID_REPLICATION_FACTOR: True, KafkaError.UNKNOWN: False}
