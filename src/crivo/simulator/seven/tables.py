"""The seven tables of a bank, and the earlier transfers that its cases point at.

They are made in one walk through the world: transfers, their keys and the log day by day, then the
cases and the registers of all who were met on the way. So whoever pays or is paid was registered
before, and no limit lies below what was paid. Memory holds one day, the frauds, and the registers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.columns import Column, Columns, Kind, Piece, words
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.lettering import Names, digits, prefixed
from crivo.simulator.naming import device_ids, end_to_end_ids
from crivo.simulator.people import account_institutions
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import DEVICE_SLOTS, INITIATIONS, NONE, Rows
from crivo.simulator.sampling import PESO, WHOLE, Sampling, of_block, picked
from crivo.simulator.seven.blocks import blocks, by_time
from crivo.simulator.seven.cases import case_columns
from crivo.simulator.seven.devices import DEVICES_OF_SCALE, Devices, UsedDevices, device_columns
from crivo.simulator.seven.holders import hold
from crivo.simulator.seven.keys import issue
from crivo.simulator.seven.limits import Spent, limit_columns
from crivo.simulator.seven.logins import LOGIN_KINDS, Sessions
from crivo.simulator.seven.registers import key_columns, keys_registered_at, user_columns
from crivo.simulator.seven.registrations import Registrations
from crivo.simulator.seven.words import KIND_OF_INITIATION, LoginStatus, TransferStatus
from crivo.simulator.tables import BLOCK_ROWS
from crivo.simulator.world import Progress, World

TRANSFERS: Final = "transacoes_pix"
EARLIER: Final = "transacoes_historicas"
KEYS: Final = "chaves_pix"
USERS: Final = "usuarios"
DEVICES: Final = "dispositivos"
CASES: Final = "fraudes"
LIMITS: Final = "limites_transacoes"
LOGINS: Final = "log_autenticacao"
SEVEN_TABLES: Final = (TRANSFERS, KEYS, USERS, DEVICES, CASES, LIMITS, LOGINS, EARLIER)

_BY_CODE: Final = (Initiation.QRES, Initiation.QRDN, Initiation.APDN, Initiation.APES)
#: Registers are written in pieces of so many rows.
_PIECE: Final = 20_000


class _Walk:
    """What one walk through the world gathers for the registers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.holders = hold(world)
        self.keys = issue(world, self.holders)
        self.registrations = Registrations(world, self.holders)
        self.sessions = Sessions(world, self.holders, self.registrations)
        self.spent = Spent(self.holders.end)
        self.used_devices = UsedDevices(self.holders)
        self.logged = 0
        self.frauds: list[tuple[Rows, Names]] = []

    def transfers(self, day: Day, rows: Rows, sampling: Sampling) -> Iterator[Columns]:
        """The day's transfers in blocks; notes who was met, what was paid, and which are frauds."""
        seed = self.world.options.seed
        self.spent.add(day, self.holders.of(rows["payer"]), rows)
        kept = None
        if not sampling.is_whole:
            kept = sampling.of_day(seed, day, rows, rows["typology"] != NONE)
        draws = Draws(seed, "ids", *day.stream)
        for first in range(0, len(rows), BLOCK_ROWS):
            block = rows[first : first + BLOCK_ROWS]
            columns = self._named(draws, block)
            if kept is not None:
                places, weights = of_block(*kept, first, len(block))
                columns = (*picked(columns, places), Column(PESO, Kind.INTEGER, weights))
            yield columns

    def _named(self, draws: Draws, rows: Rows) -> Columns:
        for side in ("payer", "payee"):
            self.registrations.see(self.holders.of(rows[side]), rows["occurred_at"])
        institutions = account_institutions(self.world.town, rows["payer"])
        ids = end_to_end_ids(draws, rows["occurred_at"], institutions)
        is_fraud = rows["typology"] != NONE
        self.frauds.append((rows[is_fraud], ids[is_fraud]))
        initiation = rows["initiation"].astype(np.int64)
        by_code = np.isin(initiation, [INITIATIONS.index(one) for one in _BY_CODE])
        by_key = np.zeros(len(rows), dtype=np.bool_)
        kinds = words(tuple(KIND_OF_INITIATION[one] for one in INITIATIONS))
        statuses = words((TransferStatus.DONE, TransferStatus.SUSPICIOUS))
        keys = self.keys
        return (
            Column("id_transacao", Kind.TEXT, ids),
            Column("timestamp", Kind.INSTANT, rows["occurred_at"]),
            Column("valor", Kind.MONEY, rows["amount_centavos"]),
            Column("chave_pix_origem", Kind.TEXT, keys.names(keys.of(rows["payer"], by_key))),
            Column("chave_pix_destino", Kind.TEXT, keys.names(keys.of(rows["payee"], by_code))),
            Column("tipo_transacao", Kind.WORD, kinds[initiation]),
            Column("status", Kind.WORD, statuses[is_fraud.astype(np.int64)]),
        )

    def logins(self, day: Day, rows: Rows) -> Iterator[Columns]:
        """The day's log in blocks."""
        log = self.sessions.of_day(day, rows)
        for first in range(0, len(log), BLOCK_ROWS):
            yield self._logged(log[first : first + BLOCK_ROWS])

    def _logged(self, log: np.ndarray) -> Columns:
        known = log["device"] != NONE
        self.used_devices.see(log["device"][known], log["at"][known])
        self.registrations.see(log["user"], log["at"])
        numbers = self.logged + np.arange(1, len(log) + 1, dtype=np.int64)
        self.logged += len(log)
        kinds = words(LOGIN_KINDS)[log["kind"].astype(np.int64)]
        statuses = words((LoginStatus.SUCCESS, LoginStatus.FAILURE))
        devices = device_ids(self.world.options.seed, log["device"])
        return (
            Column("id_log", Kind.TEXT, prefixed(b"L", digits(numbers, 11))),
            Column("id_usuario", Kind.TEXT, self.holders.ids(log["user"])),
            Column("timestamp", Kind.INSTANT, log["at"]),
            Column("tipo_autenticacao", Kind.WORD, kinds),
            Column("status", Kind.WORD, statuses[log["failed"].astype(np.int64)]),
            Column("id_dispositivo", Kind.TEXT, devices, ~known),
        )

    def cases(self) -> Columns:
        """All cases, by detection."""
        rows = np.concatenate([rows for rows, _ in self.frauds])
        return case_columns(self.world, rows, np.concatenate([ids for _, ids in self.frauds]))

    def registers(self) -> Iterator[Piece]:
        """Users, keys, devices and limits, by the instant of registration."""
        yield from self._users()
        yield from self._keys()
        yield from self._devices()

    def _users(self) -> Iterator[Piece]:
        def dated() -> Iterator[tuple[Int64s, Int64s]]:
            for users in self.holders.users():
                yield self.registrations.at(users), users

        for at, users in by_time(dated, _PIECE):
            was_seen = self.registrations.was_seen(users)
            yield Piece(USERS, user_columns(self.holders, users, at, was_seen))
            yield Piece(LIMITS, limit_columns(self.world, self.holders, self.spent, at, users))

    def _keys(self) -> Iterator[Piece]:
        keys, begin = self.keys, self.world.days[0].start

        def dated() -> Iterator[tuple[Int64s, Int64s]]:
            for places in blocks(0, keys.count):
                holders_at = self.registrations.at(keys.users(places))
                yield keys_registered_at(self.holders.seed, places, holders_at, begin), places

        for at, places in by_time(dated, _PIECE):
            was_seen = self.registrations.was_seen(keys.users(places))
            yield Piece(KEYS, key_columns(keys, places, at, was_seen))

    def _devices(self) -> Iterator[Piece]:
        end = self.world.days[-1].end
        wanted = int(self.world.options.scale * DEVICES_OF_SCALE)
        register = Devices(self.holders, self.used_devices, wanted)

        def dated() -> Iterator[tuple[Int64s, Int64s]]:
            for devices in register.numbers():
                users_at = self.registrations.at(devices // DEVICE_SLOTS)
                yield register.registered_at(devices, users_at, end), devices

        for at, devices in by_time(dated, _PIECE):
            is_used = self.used_devices.was_used(devices)
            yield Piece(DEVICES, device_columns(self.holders, devices, at, is_used))


def seven_tables(
    world: World, progress: Progress | None = None, sampling: Sampling = WHOLE
) -> Iterator[Piece]:
    """The tables in pieces: each day's transfers and log by time, then cases and registers.

    A sample keeps all frauds and adds the column `peso` to transfers; the other tables stay whole.
    """
    walk = _Walk(world)
    for day, rows in world.rows(progress):
        is_past = day.start < world.window_start
        for columns in walk.transfers(day, rows, sampling):
            yield Piece(EARLIER if is_past else TRANSFERS, columns, day.date)
        if not is_past:
            for columns in walk.logins(day, rows):
                yield Piece(LOGINS, columns, day.date)
    yield Piece(CASES, walk.cases())
    yield from walk.registers()
