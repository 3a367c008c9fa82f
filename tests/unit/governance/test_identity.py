"""Identity parts: what opens them, what does not, and which comes first, the key or the record."""

from contextlib import closing
from random import Random

import msgspec
import pytest

from crivo.adapters.sqlite.persons import SqlitePersonKeys
from crivo.decision.record import WORKER, decision_event_id
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.domain.event import transfer_event_id
from crivo.domain.phase import Phase
from crivo.domain.streams import Stream, partition_of
from crivo.flows.erase import PrivacyService, Request, holdings_of
from crivo.governance.identity import (
    Identity,
    IdentitySealer,
    PersonKey,
    Role,
    clear_part,
    is_clear,
    sealed_parts,
)
from crivo.governance.pseudonym import Pseudonymiser
from tests.ports.logs import event, open_test_log, seeded_cipher, stored

DECIDED = "E12345678202611231200abcDEF12345"
EVENT, ANA, LOJA = (letter * 16 for letter in (b"e", b"a", b"l"))
PART = clear_part(
    [
        Identity(Role.PAYER, ANA, name="Ana", remittance="oi"),
        Identity(Role.PAYEE, LOJA, (b"z" * 16,), key="loja@x.com"),
    ]
)
CALLED = {Role.PAYER: {"name": "Ana", "remittance": "oi"}, Role.PAYEE: {"key": "loja@x.com"}}


@pytest.fixture
def keys(tmp_path):
    opened = SqlitePersonKeys(tmp_path / "persons.sqlite", master=lambda: bytes(32))
    yield opened
    opened.close()


def sealer_of(keys, seed=1):
    return IdentitySealer(keys, now=lambda: 0, random=Random(seed).randbytes)


def test_what_was_sealed_opens_again_for_its_event_alone(keys):
    sealer = sealer_of(keys)
    (sealed,) = sealer.seal([(EVENT, 0, PART)])
    assert is_clear(PART) and not is_clear(sealed)
    assert b"Ana" not in sealed and b"loja" not in sealed
    assert sealer.open(sealed, event_id=EVENT) == CALLED
    assert sealer_of(keys, 2).open(sealed, event_id=EVENT) == CALLED, "the keys are in the file"
    with pytest.raises(Misconfigured) as refusal:
        sealer.open(sealed, event_id=ANA)
    assert refusal.value.code is Code.SEAL_BROKEN


def test_a_part_that_goes_to_the_other_role_does_not_open(keys):
    sealer = sealer_of(keys)
    (sealed,) = sealer.seal([(EVENT, 0, PART)])
    payer, payee = msgspec.msgpack.decode(sealed[1:])
    swapped = sealed[:1] + msgspec.msgpack.encode([["PAYEE", *payer[1:]], ["PAYER", *payee[1:]]])
    with pytest.raises(Misconfigured):
        sealer.open(swapped, event_id=EVENT)


@pytest.mark.parametrize("damaged", [b"", b"\0", b"\1", b"\1\xc1", b"\1\x90x", PART])
def test_what_is_no_part_is_told(damaged):
    with pytest.raises(Misconfigured) as refusal:
        sealed_parts(damaged)
    assert refusal.value.code is Code.SEAL_BROKEN


def test_one_subject_has_one_key_until_it_is_erased(keys):
    sealer = sealer_of(keys)
    first, second = sealer.seal([(EVENT, 0, PART), (ANA, 0, PART)])
    (third,) = sealer_of(keys, 2).seal([(LOJA, 0, PART)])
    ids = {each[0].key_id for each in map(sealed_parts, (first, second, third))}
    assert len(ids) == 1
    assert keys.subjects([ANA]) == {ANA}
    assert keys.subjects([b"z" * 16]) == {LOJA}, "by its other pseudonym"
    assert keys.aliases([ANA]) == frozenset()
    assert keys.aliases([ANA, LOJA]) == {b"z" * 16}
    assert keys.erase(ANA) == 1 and keys.erase(ANA) == 0
    assert keys.subjects([ANA]) == frozenset()
    assert keys.erase(LOJA) == 1
    assert keys.subjects([b"z" * 16]) == frozenset(), "nobody is found whose keys are gone"
    assert sealer_of(keys, 3).open(first, event_id=EVENT) == dict.fromkeys(CALLED)
    (fourth,) = sealer_of(keys, 4).seal([(EVENT, 0, PART)])
    assert sealed_parts(fourth)[0].key_id not in ids


def test_a_sealer_that_erased_a_subject_keeps_its_next_key_and_aliases_in_the_file(keys):
    sealer = sealer_of(keys)
    (first,) = sealer.seal([(EVENT, 0, PART)])
    for _ in range(2):
        sealer.erase(LOJA)
        assert sealer.open(first, event_id=EVENT)[Role.PAYEE] is None
        (again,) = sealer.seal([(ANA, 0, PART)])
        assert sealer_of(keys, 2).open(again, event_id=ANA) == CALLED
        assert keys.subjects([b"z" * 16]) == {LOJA}


@pytest.mark.parametrize(("held_max", "is_new"), [(0, True), (9, False)])
def test_a_sealer_beside_another_process_seals_under_no_key_that_was_erased_there(
    keys, held_max, is_new
):
    sealer = IdentitySealer(keys, now=lambda: 0, random=Random(1).randbytes, held_max=held_max)
    (first,) = sealer.seal([(EVENT, 0, PART)])
    keys.erase(ANA)
    (again,) = sealer.seal([(ANA, 0, PART)])
    # Sabotage: one that holds keys goes on with the erased one, which nobody can open.
    assert (sealed_parts(again)[0].key_id != sealed_parts(first)[0].key_id) == is_new
    assert (sealer_of(keys, 2).open(again, event_id=ANA) == CALLED) == is_new


def test_a_key_wrapped_by_another_master_is_told(keys, tmp_path):
    sealer_of(keys).seal([(EVENT, 0, PART)])
    other = SqlitePersonKeys(tmp_path / "persons.sqlite", master=lambda: b"x" * 32)
    with pytest.raises(Misconfigured) as refusal:
        other.newest(ANA)
    assert refusal.value.code is Code.KEY_INVALID
    other.close()


def test_no_key_shows_itself():
    assert "secret" not in repr(PersonKey(b"k" * 8, ANA, 0, b"secret" * 6))


def with_part(number):
    return event(number, stream=Stream.DECISIONS)._replace(sealed=PART)


def test_a_record_is_written_only_after_the_keys_of_its_persons(keys, tmp_path):
    class Failing:
        broken = True

        def __getattr__(self, name):
            return getattr(keys, name)

        def add(self, *kept):
            if self.broken:
                raise Unavailable(Code.FILE_UNWRITABLE, "the disk is full")
            keys.add(*kept)

    failing = Failing()
    told = []
    log = open_test_log(
        tmp_path / "log.sqlite", cipher=seeded_cipher(), identities=sealer_of(failing)
    )
    log.submit([with_part(1)], told.append)
    while not told:
        pass
    assert told[0].code is Code.LOG_UNAVAILABLE and log.end() == 0
    failing.broken = False
    while log.end() < 1:
        pass
    (written,) = stored(log)
    assert sealer_of(keys).open(written.sealed, event_id=written.event_id) == CALLED
    log.close()
    assert b"loja@x.com" not in (tmp_path / "log.sqlite").read_bytes()


def test_the_newest_receipt_of_a_person_is_not_that_of_the_last_record(keys, tmp_path):
    """Partitions are ordered, each by itself: the retention asks for the newest of them all."""
    log = open_test_log(tmp_path / "log.sqlite", identities=sealer_of(keys))
    newest, older = with_part(9), with_part(3)
    assert partition_of(newest.key, 4) != partition_of(older.key, 4)
    log.append([newest])
    log.append([older])
    order = [each.received_at for each in stored(log)]
    assert order == [newest.received_at, older.received_at] == sorted(order, reverse=True)
    found = holdings_of([log], [ANA])[ANA]
    log.close()
    assert (found.records, found.newest_at) == (2, newest.received_at)


def test_what_two_logs_hold_of_a_person_counts_once_and_with_its_transfer(keys, tmp_path):
    """A log that was passed on holds the same events, and logs from before a worker's copies."""
    with (
        closing(open_test_log(tmp_path / "own.sqlite", identities=sealer_of(keys))) as own,
        closing(open_test_log(tmp_path / "other.sqlite", identities=sealer_of(keys, 2))) as other,
    ):
        own.append([with_part(1), with_part(2)])
        asked = event(3, stream=Stream.TRANSFERS)._replace(sealed=PART)
        other.append([with_part(2), asked, with_part(4)._replace(source=WORKER)])
        found = [holdings_of(logs, [ANA])[ANA] for logs in ([own], [other], [own, other])]
    assert [each.records for each in found] == [2, 2, 3]
    assert found[2].newest is not None and found[2].newest.event_id == asked.event_id


@pytest.mark.parametrize("keeps", [True, False], ids=["kept", "sabotage: not kept"])
def test_of_a_person_whose_log_lies_elsewhere_the_newest_receipt_is_kept(keys, keeps):
    sealer = IdentitySealer(keys, now=lambda: 0, random=Random(1).randbytes, keeps_receipts=keeps)
    of_loja = clear_part([Identity(Role.PAYEE, LOJA)])
    sealer.seal([(EVENT, 7, PART), (ANA, 9, PART), (LOJA, 8, of_loja)])
    sealer.seal([(EVENT, 3, PART), (LOJA, 10, of_loja)])
    found = [keys.newest_receipt(each) for each in (ANA, LOJA, b"n" * 16)]
    assert found == ([9, 10, None] if keeps else [None] * 3)


def test_a_key_that_was_not_quite_erased_seals_nothing_more(keys, monkeypatch):
    """What is half done may have taken the key from the file."""
    sealer, erase = sealer_of(keys), SqlitePersonKeys.erase
    sealer.seal([(EVENT, 0, PART)])

    def stops(own, subject):
        erase(own, subject)
        raise Unavailable(Code.FILE_UNWRITABLE, "another reads the file")

    monkeypatch.setattr(SqlitePersonKeys, "erase", stops)
    with pytest.raises(Unavailable):
        sealer.erase(ANA)
    (again,) = sealer.seal([(ANA, 0, PART)])
    assert sealer.open(again, event_id=ANA) == CALLED


@pytest.mark.parametrize("source", [WORKER, "http"], ids=["a worker's", "sabotage: taken for own"])
def test_a_copy_in_a_workers_decision_is_opened_where_its_transfer_is(keys, tmp_path, source):
    """Logs from before hold such copies: a part opens for the event that it was sealed for."""
    asked = event(1, stream=Stream.TRANSFERS)._replace(
        event_id=transfer_event_id(DECIDED), sealed=PART
    )
    sealer = sealer_of(keys)
    with closing(open_test_log(tmp_path / "log.sqlite", identities=sealer)) as log:
        log.append([asked])
        decision = event(2, stream=Stream.DECISIONS)._replace(
            event_id=decision_event_id(DECIDED, Phase.INITIATION),
            source=source,
            sealed=stored(log)[0].sealed,
        )
        log.append([decision])
        privacy = PrivacyService(
            log=log, keys=keys, sealer=sealer, pseudonyms=Pseudonymiser(bytes(32)),
            publish=log.append, now=lambda: 1 << 50, new_id=lambda: "r-1", retention=0,
        )  # fmt: skip
        if source == WORKER:
            assert privacy.reveal(DECIDED, Request("ana", "case 9")) == CALLED
        else:
            with pytest.raises(Misconfigured) as refusal:
                privacy.reveal(DECIDED, Request("ana", "case 9"))
            assert refusal.value.code is Code.SEAL_BROKEN
