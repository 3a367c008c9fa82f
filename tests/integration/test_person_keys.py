"""Keys of persons: on disk before they seal, gone once erased, and no nonce twice under one."""

import secrets
from contextlib import closing

import apsw
import pytest

from crivo.adapters.sqlite import persons
from crivo.adapters.sqlite.persons import SqlitePersonKeys
from crivo.domain.errors import Code, Unavailable
from crivo.governance.identity import (
    Identity,
    IdentitySealer,
    PersonKey,
    Role,
    clear_part,
    sealed_parts,
)
from tests.ports.disk import Disk

SUBJECT = b"s" * 16
KEY = PersonKey(b"k" * 8, SUBJECT, 1, b"x" * 32)


def opened(path, **options):
    return closing(SqlitePersonKeys(path, master=lambda: bytes(32), **options))


@pytest.mark.parametrize("lies", [False, True], ids=["honest", "sabotage: a disk that lies"])
def test_a_key_survives_a_power_cut_once_it_is_kept(tmp_path, lies):
    disk = Disk(f"persons {lies}")
    with opened(tmp_path / "persons.sqlite", vfs=disk.name) as keys:
        disk.lies = lies
        keys.add([KEY], [(b"a" * 16, SUBJECT)], {SUBJECT: 7})
        disk.cut_power(tmp_path / "cut")
    with opened(tmp_path / "cut" / "persons.sqlite") as again:
        assert (again.key(KEY.key_id) == KEY) is not lies
        assert (again.subjects([b"a" * 16]) == {SUBJECT}) is not lies
        assert (again.newest_receipt(SUBJECT) == 7) is not lies


@pytest.mark.parametrize("erases", [True, False], ids=["erased", "sabotage: kept"])
def test_of_an_erased_key_no_byte_is_left_in_any_file(tmp_path, erases):
    path = tmp_path / "persons.sqlite"
    with opened(path) as keys:
        keys.add([KEY], [], {})
        ((wrapped,),) = keys._connection.execute("SELECT wrapped FROM keys").fetchall()
        if erases:
            assert keys.erase(SUBJECT) == 1
        left = holding(tmp_path, wrapped)
    assert bool(left) is not erases, left


def holding(folder, content):
    return [each.name for each in folder.iterdir() if content in each.read_bytes()]


def test_an_erasure_beside_a_reader_is_told_and_done_when_it_is_asked_for_again(tmp_path):
    """A reader holds up what overwrites the key: its bytes are there as long as it reads."""
    path = tmp_path / "persons.sqlite"
    with opened(path) as keys, closing(apsw.Connection(str(path))) as reader:
        keys.add([KEY], [], {SUBJECT: 7})
        keys._connection.set_busy_timeout(10)
        ((wrapped,),) = reader.execute("SELECT wrapped FROM keys").fetchall()
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM keys").fetchall()
        with pytest.raises(Unavailable) as told:
            keys.erase(SUBJECT)
        assert told.value.code is Code.FILE_UNWRITABLE
        assert keys.key(KEY.key_id) is None and holding(tmp_path, wrapped)
        assert keys.subjects([SUBJECT]) == {SUBJECT}, "it can be asked for again"
        reader.execute("COMMIT")
        keys.erase(SUBJECT)
        assert not holding(tmp_path, wrapped)
        assert not keys.subjects([SUBJECT]) and keys.newest_receipt(SUBJECT) is None


def erased_beside_a_payment(path, monkeypatch):
    """The keys after an erasure in whose midst another process kept what the person's next payment
    needs: a key, an alias and a receipt.
    """
    overwrite = SqlitePersonKeys._overwrite
    again = PersonKey(b"n" * 8, SUBJECT, 2, b"y" * 32)

    def beside(keys):
        overwrite(keys)
        with opened(path) as other:
            other.add([again], [(b"c" * 16, SUBJECT)], {SUBJECT: 9})

    with opened(path) as keys:
        keys.add([KEY], [(b"a" * 16, SUBJECT)], {SUBJECT: 7})
        monkeypatch.setattr(SqlitePersonKeys, "_overwrite", beside)
        assert keys.erase(SUBJECT) == 1
        assert keys.key(KEY.key_id) is None and keys.newest(SUBJECT) == again
        return keys.subjects([b"c" * 16]), keys.newest_receipt(SUBJECT)


def test_an_erasure_leaves_what_the_persons_next_payment_kept_meanwhile(tmp_path, monkeypatch):
    found = erased_beside_a_payment(tmp_path / "persons.sqlite", monkeypatch)
    assert found == ({SUBJECT}, 9), "its receipt keeps it from being erased too early"


def test_sabotage_an_erasure_that_does_not_look_again_forgets_the_next_payment(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(persons, "_UNLESS_ANEW", "subject = ?")
    assert erased_beside_a_payment(tmp_path / "persons.sqlite", monkeypatch) == (set(), None)


def test_no_two_parts_of_a_person_are_sealed_under_one_nonce(tmp_path):
    with opened(tmp_path / "persons.sqlite") as keys:
        sealer = IdentitySealer(keys, now=lambda: 1, random=secrets.token_bytes)
        ana = Identity(Role.PAYER, SUBJECT, name="Ana")
        both = [ana, Identity(Role.PAYEE, SUBJECT, name="Ana")]
        parts = [(bytes([number]) * 16, 0, clear_part(both)) for number in range(50)]
        sealed = [part for each in sealer.seal(parts) for part in sealed_parts(each)]
    assert {each.key_id for each in sealed} == {sealed[0].key_id} and len(sealed) == 100
    assert len({each.nonce for each in sealed}) == 100
    assert all(len(each.nonce) == 12 for each in sealed)
