"""What seals refused things: bound to its place, from any thread, under keys that follow."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from crivo.domain.errors import Code, Misconfigured
from crivo.governance.record_cipher import RecordCipher, Rotation, key_number
from crivo.governance.refused_cipher import RefusedCipher
from tests.ports.logs import KeysInMemory, seeded_cipher

CONTENT = b"a row that names Ana " * 20
BESIDE = ("row", "bank.csv", 7, "AMOUNT_RANGE")
WHERE = "row 7 of bank.csv"


def cipher_of(keys, *, records=5, seed=1):
    """A cipher whose keys follow each other after so many."""
    return RecordCipher(
        keys,
        now=lambda: 0,
        random=seeded_cipher(seed=seed)._random,
        rotation=Rotation(records=records),
    )


def test_what_was_sealed_opens_at_its_place_and_holds_nothing_in_clear():
    cipher = RefusedCipher(seeded_cipher)
    sealed = cipher.seal(CONTENT, beside=BESIDE)
    assert b"Ana" not in sealed and len(sealed) == len(CONTENT) + 33
    assert cipher.open(sealed, beside=BESIDE, where=WHERE) == CONTENT


@pytest.mark.parametrize("place", range(len(BESIDE)))
def test_it_opens_beside_nothing_else_than_what_it_was_sealed_with(place):
    """Law: nobody gives a row another code, number or file unseen."""
    cipher = RefusedCipher(seeded_cipher)
    sealed = cipher.seal(CONTENT, beside=BESIDE)
    other = [*BESIDE]
    other[place] = 8 if place == 2 else "another"
    with pytest.raises(Misconfigured) as refused:
        cipher.open(sealed, beside=tuple(other), where=WHERE)
    assert refused.value.code is Code.SEAL_BROKEN


@pytest.mark.parametrize("at", [5, 16, 17, 200, -1])
def test_one_bit_anywhere_is_told_with_its_place_and_what_to_do(at):
    cipher = RefusedCipher(seeded_cipher)
    sealed = bytearray(cipher.seal(CONTENT, beside=BESIDE))
    sealed[at] ^= 1
    with pytest.raises(Misconfigured) as refused:
        cipher.open(bytes(sealed), beside=BESIDE, where=WHERE)
    error = refused.value
    assert error.code is Code.SEAL_BROKEN and WHERE in error.message and "--home" in error.hint


def test_a_key_that_is_not_here_is_named():
    sealed = RefusedCipher(seeded_cipher).seal(CONTENT, beside=BESIDE)
    with pytest.raises(Misconfigured, match=f"{WHERE} .* data key 1, which") as refused:
        RefusedCipher(seeded_cipher).open(sealed, beside=BESIDE, where=WHERE)
    assert refused.value.code is Code.KEY_MISSING and "keys/" in refused.value.hint


def test_a_payload_of_the_log_is_no_refused_thing_and_the_other_way_round():
    keys = KeysInMemory()
    records, refused = seeded_cipher(keys), RefusedCipher(partial(seeded_cipher, keys))
    sealed = refused.seal(CONTENT, beside=BESIDE)
    records.rotate(0)
    record = records.seal(CONTENT, event_id=bytes(16))
    for opened in (
        partial(records.open, sealed, event_id=bytes(16)),
        partial(refused.open, record, beside=BESIDE, where=WHERE),
    ):
        with pytest.raises(Misconfigured) as error:
            opened()
        assert error.value.code is Code.SEAL_BROKEN


def test_no_two_sealings_are_alike_from_whichever_threads():
    cipher = RefusedCipher(partial(cipher_of, KeysInMemory(), records=100))
    with ThreadPoolExecutor(8) as threads:
        sealed = list(threads.map(lambda _: cipher.seal(CONTENT, beside=BESIDE), range(2_000)))
    assert len(set(sealed)) == 2_000
    assert {key_number(each) for each in sealed} == set(range(1, 21))
    with ThreadPoolExecutor(8) as threads:
        opened = threads.map(lambda each: cipher.open(each, beside=BESIDE, where=WHERE), sealed)
        assert set(opened) == {CONTENT}


def test_keys_follow_each_other_by_what_is_sealed_and_the_log_counts_on():
    """Law: a key made for refused things takes nothing from what the log may seal under one."""
    keys = KeysInMemory()
    log = cipher_of(keys, records=10, seed=2)
    log.rotate(4)
    refused = RefusedCipher(partial(cipher_of, keys, records=10))
    numbers = [key_number(refused.seal(CONTENT, beside=BESIDE)) for _ in range(25)]
    assert numbers == [1] * 10 + [2] * 10 + [3] * 5
    assert [key.first_seq for key in keys.keys] == [4, 4, 4]
    log.rotate(13)
    assert log.newest.number == 1, "not asked for yet"
    log.rotate(14)
    assert log.newest.number == 3, "others made keys meanwhile"
    log.rotate(14)
    assert [key.first_seq for key in keys.keys] == [4, 4, 4, 14]


def test_sabotage_a_cipher_that_does_not_count_goes_on_under_one_key(monkeypatch):
    rotate = RecordCipher.rotate
    monkeypatch.setattr(RecordCipher, "rotate", lambda self, seq: self.newest or rotate(self, 0))
    refused = RefusedCipher(partial(cipher_of, KeysInMemory()))
    sealed = [refused.seal(CONTENT, beside=BESIDE) for _ in range(25)]
    assert {key_number(each) for each in sealed} == {1}
