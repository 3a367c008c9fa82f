"""What seals records: keys that are made, followed and known again, and bytes that do not lie."""

import pytest

from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import DAY
from crivo.governance.record_cipher import RecordCipher, Rotation, is_sealed, unwrap, wrap
from tests.ports.logs import KeysInMemory, seeded_cipher

EVENT = bytes(16)
RECORD = b"\x98" + b"a record " * 200


def test_what_was_sealed_opens_and_holds_nothing_in_clear():
    cipher = seeded_cipher()
    cipher.rotate(0)
    stored = cipher.seal(RECORD, event_id=EVENT)
    assert is_sealed(stored) and not is_sealed(RECORD)
    assert len(stored) == len(RECORD) + 33
    assert b"record" not in stored
    assert cipher.open(stored, event_id=EVENT) == RECORD


def test_no_two_sealings_are_alike():
    cipher = seeded_cipher()
    cipher.rotate(0)
    assert len({cipher.seal(RECORD, event_id=EVENT) for _ in range(1_000)}) == 1_000


def test_each_of_many_that_are_sealed_together_opens_under_its_own_event_alone():
    cipher, events = seeded_cipher(), [bytes(15) + bytes((number,)) for number in range(99)]
    cipher.rotate(0)
    stored = cipher.seal_all([RECORD] * 99, event_ids=events)
    opened = [cipher.open(each, event_id=own) for each, own in zip(stored, events, strict=True)]
    assert opened == [RECORD] * 99
    assert len({each[5:17] for each in stored}) == 99
    with pytest.raises(Misconfigured):
        cipher.open(stored[0], event_id=events[1])


@pytest.mark.parametrize("place", [5, 16, 17, 500, -1])
def test_one_bit_anywhere_is_told(place):
    cipher = seeded_cipher()
    cipher.rotate(0)
    stored = bytearray(cipher.seal(RECORD, event_id=EVENT))
    stored[place] ^= 1
    with pytest.raises(Misconfigured) as refusal:
        cipher.open(bytes(stored), event_id=EVENT)
    assert refusal.value.code is Code.SEAL_BROKEN


def test_a_payload_under_another_event_is_told():
    cipher = seeded_cipher()
    cipher.rotate(0)
    stored = cipher.seal(RECORD, event_id=EVENT)
    with pytest.raises(Misconfigured) as refusal:
        cipher.open(stored, event_id=bytes(15) + b"\x01")
    assert refusal.value.code is Code.SEAL_BROKEN


@pytest.mark.parametrize("length", [1, 5, 16, 17, 32])
def test_a_stump_is_told(length):
    cipher = seeded_cipher()
    cipher.rotate(0)
    stored = cipher.seal(RECORD, event_id=EVENT)[:length]
    with pytest.raises(Misconfigured) as refusal:
        cipher.open(stored, event_id=EVENT)
    assert refusal.value.code in {Code.SEAL_BROKEN, Code.KEY_MISSING}


def test_a_key_that_nobody_has_is_named():
    cipher = seeded_cipher()
    cipher.rotate(0)
    stored = cipher.seal(RECORD, event_id=EVENT)
    with pytest.raises(Misconfigured, match="data key 1, which is not here") as refusal:
        seeded_cipher().open(stored, event_id=EVENT)
    assert refusal.value.code is Code.KEY_MISSING


def test_another_logs_key_of_the_same_number_does_not_open_it():
    first, second = seeded_cipher(seed=1), seeded_cipher(seed=2)
    first.rotate(0)
    second.rotate(0)
    with pytest.raises(Misconfigured) as refusal:
        second.open(first.seal(RECORD, event_id=EVENT), event_id=EVENT)
    assert refusal.value.code is Code.SEAL_BROKEN


def test_keys_follow_each_other_by_records_and_by_age():
    keys, clock = KeysInMemory(), [0]
    cipher = RecordCipher(
        keys,
        now=lambda: clock[0],
        random=lambda count: bytes((len(keys.keys),)) * count,
        rotation=Rotation(age=DAY, records=100),
    )
    stored = []
    for seq, now in ((0, 0), (99, 0), (100, 0), (150, 0), (199, DAY - 1), (199, DAY)):
        clock[0] = now
        cipher.rotate(seq)
        stored.append(cipher.seal(RECORD, event_id=EVENT))
    assert [(each.number, each.first_seq) for each in keys.keys] == [(1, 0), (2, 100), (3, 199)]
    assert [cipher.open(each, event_id=EVENT) for each in stored] == [RECORD] * len(stored)


def test_a_key_that_another_process_made_is_read_when_it_is_met():
    keys = KeysInMemory()
    reader = seeded_cipher(keys)
    writer = seeded_cipher(keys)
    writer.rotate(0)
    assert reader.open(writer.seal(RECORD, event_id=EVENT), event_id=EVENT) == RECORD


def test_a_wrapped_key_opens_under_its_master_alone():
    master, secret = bytes(range(32)), bytes(range(32, 64))
    wrapped = wrap(master, secret)
    assert secret not in wrapped and unwrap(master, wrapped, number=1) == secret
    for other, damaged in ((bytes(32), wrapped), (master, wrapped[:-1] + b"\0"), (master, b"")):
        with pytest.raises(Misconfigured, match="data key 1") as refusal:
            unwrap(other, damaged, number=1)
        assert refusal.value.code is Code.KEY_INVALID
