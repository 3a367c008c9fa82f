"""Keys that no other may take the place of: records and identities of a home lie under them."""

from __future__ import annotations

import secrets
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Final

from crivo.adapters.files.private import make_private_folder
from crivo.adapters.files.secret import check_known, known_hash, load_lasting_key, lost_key
from crivo.adapters.sqlite.log import stored_manifest
from crivo.adapters.sqlite.persons import SqlitePersonKeys, holds_keys
from crivo.adapters.sqlite.reader import SqliteLogReader, open_reader
from crivo.governance.record_cipher import RecordCipher

if TYPE_CHECKING:
    from crivo.bootstrap.home import Paths

_BYTES_OF_AN_ID: Final = 16


def master_key(paths: Paths) -> bytes:
    """The key that wraps the others; made only where none was ever wrapped.

    Raises:
        Misconfigured: KEY_MISSING, KEY_INVALID, FILE_UNREADABLE, FILE_UNWRITABLE.
    """
    return load_lasting_key(
        paths.master_key,
        fingerprint=paths.master_fingerprint,
        make=secrets.token_bytes,
        is_used=not paths.master_key.exists() and _is_used(paths),
    )


def open_person_keys(paths: Paths) -> SqlitePersonKeys:
    """The keys of persons of a home folder, for who seals identity parts; no other file takes the
    place of one that is lost: whoever was sealed under its keys would read as erased.

    Raises:
        Misconfigured: KEY_MISSING where the file is gone, KEY_INVALID where it is another,
            FILE_UNREADABLE, FILE_UNWRITABLE.
        Unavailable: FILE_UNREADABLE, FILE_UNWRITABLE, LOG_UNAVAILABLE.
    """
    make_private_folder(paths.persons.parent)
    # Before the file is looked for: of two that open a home at once, one makes both.
    known = known_hash(paths.persons_fingerprint)
    if not paths.persons.exists() and (known is not None or _log_holds_identities(paths)):
        raise lost_key(paths.persons, needed_by="what persons are called is sealed under its keys")
    with ExitStack() as opening:
        persons = SqlitePersonKeys(paths.persons, master=partial(master_key, paths))
        opening.callback(persons.close)
        file_id = persons.file_id(secrets.token_bytes(_BYTES_OF_AN_ID))
        check_known(paths.persons, file_id, fingerprint=paths.persons_fingerprint, known=known)
        opening.pop_all()
    return persons


def check_keys(paths: Paths, cipher: RecordCipher, log: SqliteLogReader) -> None:
    """Nothing, if what was sealed in a home can be opened by the keys that are there.

    Raises:
        Misconfigured: KEY_MISSING where the master key or the data keys are gone, FILE_UNREADABLE.
        Unavailable: FILE_UNREADABLE, LOG_UNAVAILABLE.
    """
    if not paths.master_key.exists() and (paths.master_fingerprint.exists() or _is_used(paths)):
        raise lost_key(paths.master_key, needed_by="keys of records or persons were wrapped by it")
    if cipher.newest is None and log.holds_sealed():
        raise lost_key(paths.data_keys, needed_by="records of the log are sealed under it")


def _log_holds_identities(paths: Paths) -> bool:
    """Whether the home's own log holds an identity part."""
    if stored_manifest(paths.log) is None:
        return False
    with closing(open_reader(paths.log)) as log:
        return log.holds_identities()


def _is_used(paths: Paths) -> bool:
    """Whether keys lie there that a master key has wrapped."""
    return paths.data_keys.exists() or (paths.persons.exists() and holds_keys(paths.persons))
