"""The home folder: where things lie, and what opens them. Clocks and randomness are read here."""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from crivo.adapters.files.data_keys import DataKeyFile
from crivo.adapters.files.private import make_private_folder
from crivo.adapters.files.secret import load_lasting_key
from crivo.adapters.sqlite.log import SqliteLog, open_log, stored_manifest
from crivo.adapters.sqlite.persons import SqlitePersonKeys
from crivo.adapters.sqlite.quarantine import SqliteQuarantine
from crivo.adapters.sqlite.reader import SqliteLogReader, open_reader
from crivo.bootstrap.kept_keys import check_keys, master_key, open_person_keys
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.domain.instant import DAY
from crivo.flows.group_commit import Notify, call_directly
from crivo.flows.policy_file import policy_file
from crivo.flows.ports import Log
from crivo.flows.replica import Extent
from crivo.governance.identity import KEYS_MAX, IdentitySealer
from crivo.governance.pseudonym import Pseudonymiser
from crivo.governance.record_cipher import RecordCipher, Rotation
from crivo.governance.refused_cipher import RefusedCipher
from crivo.settings import Settings


def wall_clock() -> int:
    """The time of day as an instant."""
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things lie in a home folder."""

    home: Path

    @property
    def log(self) -> Path:
        """The log, alone in its file."""
        return self.home / "log.sqlite"

    @property
    def quarantine(self) -> Path:
        """Refused rows."""
        return self.home / "quarantine.sqlite"

    def refused_of(self, log_id: str) -> Path:
        """Refused rows of what was imported into a log in Kafka."""
        return self.home / f"quarantine-{log_id}.sqlite"

    @property
    def decisions(self) -> Path:
        """The table of decisions: a projection of the log."""
        return self.home / "decisions.sqlite"

    @property
    def webhooks(self) -> Path:
        """The delivery log of webhooks."""
        return self.home / "webhooks.sqlite"

    @property
    def relayed(self) -> Path:
        """How many events of the log the one in Kafka was known to hold; it may be deleted."""
        return self.home / "relayed.txt"

    def followed(self, log_id: str) -> Path:
        """How far another log is followed; it may be deleted."""
        return self.home / f"followed-{log_id}.txt"

    @property
    def models(self) -> Path:
        """Artifacts by hash, and which one is champion."""
        return self.home / "models"

    @property
    def networks(self) -> Path:
        """Networks by hash: none of them can serve but as a shadow."""
        return self.home / "networks"

    @property
    def judged(self) -> Path:
        """The rows that models were judged by; each may be deleted with its model."""
        return self.home / "judged"

    @property
    def cards(self) -> Path:
        """The card of each model that was promoted."""
        return self.home / "cards"

    @property
    def bundles(self) -> Path:
        """Everything that ever decided, by hash."""
        return self.home / "bundles"

    @property
    def training_sets(self) -> Path:
        """Training sets, each in a folder of its own; each may be deleted."""
        return self.home / "training_sets"

    @property
    def snapshots(self) -> Path:
        """Feature state at cuts of the log, by plan; each may be deleted."""
        return self.home / "snapshots"

    @property
    def lake(self) -> Path:
        """Tables that the log is refined into; refined anew, they are the same."""
        return self.home / "lake"

    @property
    def spark(self) -> Path:
        """What a job of Spark remembers: its checkpoint, and records that wait."""
        return self.home / "spark"

    @property
    def tracking(self) -> Path:
        """Runs and registered models of the tracker."""
        return self.home / "mlflow"

    @property
    def pseudonym_key(self) -> Path:
        """The key of the pseudonyms."""
        return self.home / "keys" / "pseudonym.key"

    @property
    def pseudonym_fingerprint(self) -> Path:
        """What tells that key from another, beside what was written under it."""
        return self.home / "pseudonym_key.sha256"

    @property
    def master_key(self) -> Path:
        """The key that wraps the data keys."""
        return self.home / "keys" / "master.key"

    @property
    def master_fingerprint(self) -> Path:
        """What tells that key from another."""
        return self.home / "master_key.sha256"

    @property
    def data_keys(self) -> Path:
        """The keys of the records, wrapped."""
        return self.home / "keys" / "data_keys.json"

    @property
    def data_keys_fingerprint(self) -> Path:
        """What tells that file from another."""
        return self.home / "data_keys.sha256"

    @property
    def persons(self) -> Path:
        """The keys of persons, wrapped."""
        return self.home / "keys" / "persons.sqlite"

    @property
    def persons_fingerprint(self) -> Path:
        """What tells that file from another."""
        return self.home / "persons.sha256"

    @property
    def ledger_key(self) -> Path:
        """The key that signs the ledger's segments."""
        return self.home / "keys" / "ledger.key"

    @property
    def api_keys(self) -> Path:
        """Fingerprints of the API keys."""
        return self.home / "keys" / "api_keys.json"


@dataclass(frozen=True, slots=True)
class Importing:
    """What an import needs of an open home folder."""

    log: Log
    quarantine: SqliteQuarantine
    pseudonyms: Pseudonymiser


class Home:
    """An open home folder. `log` is there for the one writer; anybody may use `reader`."""

    def __init__(self, settings: Settings, *, writer: bool, notify: Notify) -> None:
        self.settings: Final = settings
        self.paths: Final = Paths(settings.home)
        self._open: Final = ExitStack()
        if writer:
            make_private_folder(settings.home)
        with ExitStack() as opening:
            cipher = record_cipher(self.paths, rotation_of(settings))
            self._persons = open_person_keys(self.paths) if writer else None
            if self._persons is not None:
                opening.callback(self._persons.close)
            # Services that follow one another share the keys of persons, and each may erase some.
            is_alone = settings.follow.urls is None
            self._identities = (
                None if self._persons is None else identity_sealer(self._persons, is_alone=is_alone)
            )
            self._log = (
                _open_log(self.paths.log, settings, notify, cipher, self._identities)
                if writer
                else None
            )
            if self._log is not None:
                opening.callback(self._log.close)
            self.reader: Final[SqliteLogReader] = open_reader(self.paths.log, cipher=cipher)
            opening.callback(self.reader.close)
            if writer:
                check_keys(self.paths, cipher, self.reader)
            refused = refused_cipher(settings)
            self.quarantine: Final = SqliteQuarantine(self.paths.quarantine, refused)
            opening.callback(self.quarantine.close)
            self.pseudonyms: Final = open_pseudonyms(self.paths, self.reader)
            self._open.push(opening.pop_all())

    @property
    def log(self) -> SqliteLog:
        """The log as its writer holds it."""
        assert self._log is not None, "the home was opened for reading"
        return self._log

    @property
    def persons(self) -> SqlitePersonKeys:
        """The keys of persons, as the log's writer holds them."""
        assert self._persons is not None, "the home was opened for reading"
        return self._persons

    @property
    def identities(self) -> IdentitySealer:
        """What opens identity parts."""
        assert self._identities is not None, "the home was opened for reading"
        return self._identities

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Commits what is queued and frees every file; a second call does nothing."""
        self._open.close()


def open_home(settings: Settings, *, writer: bool, notify: Notify = call_directly) -> Home:
    """The home folder of the settings; as writer it is made where there is none (mode 0700).

    Raises:
        Unavailable: LOG_LOCKED while another process writes it, FILE_UNWRITABLE.
        Misconfigured: FILE_UNREADABLE, LOG_MISMATCH, and as `open_pseudonyms`, `open_person_keys`
            and `check_keys`.
    """
    return Home(settings, writer=writer, notify=notify)


def require_home(settings: Settings) -> Path:
    """The home folder, which is there.

    Raises:
        Unavailable: NOT_FOUND where nothing made it yet.
    """
    if not settings.home.is_dir():
        raise Unavailable(
            Code.NOT_FOUND,
            f"there is no home folder at {settings.home}",
            hint="`crivo ingest FILE --mapping …` or `crivo demo` makes one; --home names another.",
            file=str(settings.home),
        )
    return settings.home


def require_log(settings: Settings) -> Path:
    """The file of the home folder's log, which is there.

    Raises:
        Unavailable: NOT_FOUND where nothing made it yet.
    """
    path = Paths(settings.home).log
    if not path.exists():
        raise Unavailable(
            Code.NOT_FOUND,
            f"{settings.home} holds no log",
            hint="`crivo ingest FILE --mapping …` or `crivo demo` makes one; --home names another.",
            file=str(path),
        )
    return path


def policy_text(settings: Settings, name: str) -> str:
    """The text of one file of the policy folder.

    Raises:
        Misconfigured: FILE_UNREADABLE; POLICY_INVALID for bytes that are no text.
    """
    path = settings.policy / name
    if not path.is_file():
        raise Misconfigured(
            Code.FILE_UNREADABLE,
            f"there is no policy file {path}",
            hint="Set CRIVO_POLICY to the folder policy/ of the repository, or to your own copy.",
            path=str(path),
        )
    return policy_file(path)


def open_pseudonyms(paths: Paths, log: Extent) -> Pseudonymiser:
    """Pseudonyms under the home's key, which is made only for a log that holds nothing yet.

    Raises:
        Misconfigured: KEY_MISSING, KEY_INVALID, FILE_UNREADABLE, FILE_UNWRITABLE.
    """
    key = load_lasting_key(
        paths.pseudonym_key,
        fingerprint=paths.pseudonym_fingerprint,
        make=secrets.token_bytes,
        is_used=log.end() > 0,
    )
    return Pseudonymiser(key)


def record_cipher(paths: Paths, rotation: Rotation) -> RecordCipher:
    """What seals and opens the records of a home folder's log.

    Raises:
        Misconfigured: FILE_UNREADABLE, KEY_MISSING, KEY_INVALID.
    """
    keys = DataKeyFile(
        paths.data_keys,
        paths.master_key,
        fingerprint=paths.data_keys_fingerprint,
        load=partial(master_key, paths),
    )
    return RecordCipher(keys, now=wall_clock, random=secrets.token_bytes, rotation=rotation)


def refused_cipher(settings: Settings) -> RefusedCipher:
    """What seals and opens what was refused, under the keys of the settings' home folder."""
    return RefusedCipher(partial(record_cipher, Paths(settings.home), rotation_of(settings)))


def identity_sealer(persons: SqlitePersonKeys, *, is_alone: bool = True) -> IdentitySealer:
    """What seals identity parts: `is_alone`, or for a log elsewhere while others may erase keys."""
    return IdentitySealer(
        persons,
        now=wall_clock,
        random=secrets.token_bytes,
        held_max=KEYS_MAX if is_alone else 0,
        keeps_receipts=not is_alone,
    )


def rotation_of(settings: Settings) -> Rotation:
    """How often data keys are made anew."""
    wanted = settings.encryption
    return Rotation(wanted.rotate_days * DAY, wanted.rotate_records)


def open_log_reader(path: Path) -> SqliteLogReader:
    """A reader of the log file at `path`, with the keys of the home folder that it lies in.

    Raises:
        Misconfigured: as `open_reader` and `record_cipher`.
    """
    return open_reader(path, cipher=record_cipher(Paths(path.parent), Rotation()))


def _open_log(
    path: Path,
    settings: Settings,
    notify: Notify,
    cipher: RecordCipher,
    identities: IdentitySealer | None,
) -> SqliteLog:
    made = stored_manifest(path)
    wanted = settings.log
    return open_log(
        path,
        clock=wanted.clock or (made.clock if made else ClockKind.WALL),
        partitions=wanted.partitions or (made.partitions if made else 4),
        new_log_id=secrets.token_hex(16),
        notify=notify,
        cipher=cipher,
        identities=identities,
    )
