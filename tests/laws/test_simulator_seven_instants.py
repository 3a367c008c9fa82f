"""No instant of the seven tables finds fraud by its digits, or by its distance to the transfer.

Judged are the registrations of both sides' users, keys, limits and devices, and the log-ins before
the transfer, in worlds of two seeds. `data_deteccao` is where labels come from.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from functools import cache

import numpy as np
import pytest

from crivo.domain.instant import DAY, HOUR, MINUTE, SECOND
from tests.laws.instants import precisions
from tests.laws.seven import Tables
from tests.laws.test_simulator_difficulty import LIMIT
from tests.laws.test_simulator_seven_tables import default, written

pytestmark = pytest.mark.slow

#: Where a register has none, or nothing happened before the transfer.
NEVER = -1
SEEDS = ("1",)

Found = dict[str, np.ndarray]


def worlds() -> Iterator[tuple[str, Tables]]:
    yield "default", default()
    for seed in SEEDS:
        yield seed, written("--seed", seed)


@cache
def microseconds(text: str) -> int:
    at = datetime.fromisoformat(text)
    return int(at.timestamp()) * SECOND + at.microsecond


class Instants:
    """The instants that each transfer's rows and registers hold: all, and those with a log."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._keys = {row["chave_pix"]: row for row in tables["chaves_pix"]}
        self._users = {row["cpf_cnpj"]: row for row in tables["usuarios"]}
        limits = tables["limites_transacoes"]
        self._limits = {row["id_usuario"]: microseconds(row["data_atualizacao"]) for row in limits}
        self._devices = {
            row["id_dispositivo"]: microseconds(row["data_registro"])
            for row in tables["dispositivos"]
        }

    def of_all(self) -> tuple[Found, np.ndarray, np.ndarray]:
        """By name an instant each transfer; when it was made; whether it is a fraud."""
        rows = self._tables["transacoes_historicas"] + self._tables["transacoes_pix"]
        at, frauds = _made(rows)
        found = {"timestamp": at}
        for side in ("origem", "destino"):
            keys = [self._keys[row[f"chave_pix_{side}"]] for row in rows]
            users = [self._users[key["cpf_cnpj"]] for key in keys]
            found[f"{side}: chave"] = _column(microseconds(key["data_cadastro"]) for key in keys)
            found[f"{side}: usuário"] = _column(microseconds(one["data_cadastro"]) for one in users)
            found[f"{side}: limite"] = _column(self._limits[one["id_usuario"]] for one in users)
        return found, at, frauds

    def of_window(self) -> tuple[Found, np.ndarray, np.ndarray]:
        """The same of transfers with a log: the last log-in and device before each."""
        rows = self._tables["transacoes_pix"]
        at, frauds = _made(rows)
        logs: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for row in self._tables["log_autenticacao"]:
            since = self._devices.get(row["id_dispositivo"], NEVER)
            logs[row["id_usuario"]].append((microseconds(row["timestamp"]), since))
        devices: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for row in self._tables["dispositivos"]:
            since = self._devices[row["id_dispositivo"]]
            devices[row["id_usuario"]].append((since, since))
        found: Found = {}
        for side in ("origem", "destino"):
            keys = [self._keys[row[f"chave_pix_{side}"]] for row in rows]
            users = [self._users[key["cpf_cnpj"]]["id_usuario"] for key in keys]
            asked = list(zip(users, at.tolist(), strict=True))
            logged = [_last(logs[user], one) for user, one in asked]
            found[f"{side}: log-in"] = _column(last for last, _ in logged)
            found[f"{side}: its device"] = _column(since for _, since in logged)
            found[f"{side}: device"] = _column(
                _last(sorted(devices[user]), one)[0] for user, one in asked
            )
        return found, at, frauds


def _column(values: Iterator[int]) -> np.ndarray:
    return np.fromiter(values, dtype=np.int64)


def _made(rows: list[dict[str, str]]) -> tuple[np.ndarray, np.ndarray]:
    at = _column(microseconds(row["timestamp"]) for row in rows)
    return at, np.asarray([row["status"] == "suspeita" for row in rows])


def _last(events: list[tuple[int, int]], at: int) -> tuple[int, int]:
    """The last event before that instant; events are by time."""
    place = bisect_left(events, (at, NEVER))
    return events[place - 1] if place else (NEVER, NEVER)


def scores(found: Found, at: np.ndarray, frauds: np.ndarray) -> dict[str, float]:
    return {
        f"{name}: {part}": score
        for name, instants in found.items()
        for part, score in precisions(instants, at, instants == NEVER, frauds)
    }


def offences() -> Iterator[str]:
    for seed, tables in worlds():
        instants = Instants(tables)
        for columns in (instants.of_all(), instants.of_window()):
            for name, score in scores(*columns).items():
                if score > LIMIT:
                    yield f"seed {seed}: {name} reaches {score:.3f}"


def test_no_part_of_an_instant_finds_fraud():
    assert list(offences()) == []


@pytest.mark.parametrize(
    ("unit", "part"),
    [(DAY, "age modulo day"), (HOUR, "age modulo hour"), (MINUTE, "age modulo minute")],
)
def test_sabotage_registrations_whole_units_before_a_fraud_are_noticed(unit: int, part: str):
    found, at, frauds = Instants(default()).of_all()
    before = found["destino: usuário"]
    tied = at - np.maximum(at - before, unit) // unit * unit
    spoilt = np.where(frauds, tied, before)
    assert dict(precisions(spoilt, at, np.zeros_like(frauds), frauds))[part] > LIMIT


@pytest.mark.parametrize(("grain", "part"), [(SECOND, "fraction"), (MINUTE, "second")])
def test_sabotage_a_grain_of_frauds_own_is_noticed(grain: int, part: str):
    found, at, frauds = Instants(default()).of_all()
    spoilt = found["destino: usuário"] // grain * grain
    spoilt = np.where(frauds, spoilt, spoilt + grain // 2 + at % (grain // 2))
    assert dict(precisions(spoilt, at, np.zeros_like(frauds), frauds))[part] > LIMIT


@pytest.mark.parametrize(("step", "part"), [(MINUTE, "minute"), (HOUR, "hour")])
def test_sabotage_a_time_of_day_of_frauds_own_is_noticed(step: int, part: str):
    found, at, frauds = Instants(default()).of_all()
    before = found["destino: usuário"]
    whole = (
        before // (60 * step if step == MINUTE else DAY) * (60 * step if step == MINUTE else DAY)
    )
    spoilt = np.where(
        frauds, whole + 4 * step, np.where(before - whole < 5 * step, before + 9 * step, before)
    )
    assert dict(precisions(spoilt, at, np.zeros_like(frauds), frauds))[part] > LIMIT


def test_sabotage_an_age_of_frauds_own_and_a_missing_instant_are_noticed():
    found, at, frauds = Instants(default()).of_all()
    before = found["destino: usuário"]
    spoilt = np.where(frauds, at - 3 * DAY - before % HOUR, before)
    nothing = np.zeros_like(frauds)
    assert dict(precisions(spoilt, at, nothing, frauds))["age"] > LIMIT
    assert dict(precisions(before, at, frauds, frauds))["is missing"] > LIMIT
