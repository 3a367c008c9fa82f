"""Keys of persons: on disk before they seal, gone once erased, and no nonce twice under one."""

import secrets
from contextlib import closing

import pytest

from crivo.adapters.sqlite.persons import SqlitePersonKeys
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
        keys.add([KEY], [(b"a" * 16, SUBJECT)])
        disk.cut_power(tmp_path / "cut")
    with opened(tmp_path / "cut" / "persons.sqlite") as again:
        assert (again.key(KEY.key_id) == KEY) is not lies
        assert (again.subjects([b"a" * 16]) == {SUBJECT}) is not lies


@pytest.mark.parametrize("erases", [True, False], ids=["erased", "sabotage: kept"])
def test_of_an_erased_key_no_byte_is_left_in_any_file(tmp_path, erases):
    path = tmp_path / "persons.sqlite"
    with opened(path) as keys:
        keys.add([KEY], [])
        ((wrapped,),) = keys._connection.execute("SELECT wrapped FROM keys").fetchall()
        if erases:
            assert keys.erase(SUBJECT) == 1
        left = [each.name for each in tmp_path.iterdir() if wrapped in each.read_bytes()]
    assert bool(left) is not erases, left


def test_no_two_parts_of_a_person_are_sealed_under_one_nonce(tmp_path):
    with opened(tmp_path / "persons.sqlite") as keys:
        sealer = IdentitySealer(keys, now=lambda: 1, random=secrets.token_bytes)
        ana = Identity(Role.PAYER, SUBJECT, name="Ana")
        both = [ana, Identity(Role.PAYEE, SUBJECT, name="Ana")]
        parts = [(bytes([number]) * 16, clear_part(both)) for number in range(50)]
        sealed = [part for each in sealer.seal(parts) for part in sealed_parts(each)]
    assert {each.key_id for each in sealed} == {sealed[0].key_id} and len(sealed) == 100
    assert len({each.nonce for each in sealed}) == 100
    assert all(len(each.nonce) == 12 for each in sealed)
