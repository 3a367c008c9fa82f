"""The seven tables, read from their files alone: whole, resolved, in form, and as Brazil pays."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pytest

from tests.laws.seven import BRASILIA, Tables, offences, read

pytestmark = pytest.mark.slow


@cache
def written(*flags: str) -> Tables:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "world"
        command = [sys.executable, "-m", "crivo", "simulate", "--out", str(out), *flags]
        subprocess.run(command, check=True, capture_output=True)
        return read(out)


def small() -> Tables:
    return written("--scale", "0.3", "--days", "10", "--past-days", "30")


def default() -> Tables:
    return written()


def test_a_small_world_keeps_every_law():
    assert Counter(offences(small())) == {}


@pytest.mark.slow
def test_the_default_world_keeps_every_law():
    assert Counter(offences(default())) == {}


@pytest.mark.slow
def test_the_default_volumes_are_exact():
    rows = {name: len(table) for name, table in default().items()}
    assert rows == {
        "transacoes_pix": 50_000,
        "chaves_pix": 25_000,
        "usuarios": 20_000,
        "dispositivos": 30_000,
        "fraudes": 1_000,
        "limites_transacoes": 20_000,
        "log_autenticacao": 100_000,
        "transacoes_historicas": 150_000,
    }
    assert Counter(row["status"] for row in default()["transacoes_pix"])["suspeita"] == 250


@pytest.mark.slow
def test_the_types_of_keys_are_mixed_as_officially_counted():
    found = Counter(row["tipo_chave"] for row in default()["chaves_pix"])
    official = {"evp": 50.7, "telefone": 17.1, "cpf": 15.9, "email": 14.6, "cnpj": 1.6}
    for kind, percent in official.items():
        assert abs(found[kind] * 100 / 25_000 - percent) < 0.2


@pytest.mark.slow
def test_amounts_hours_and_weekdays_are_as_brazil_pays():
    rows = default()["transacoes_historicas"] + default()["transacoes_pix"]
    amounts = [Decimal(row["valor"]) for row in rows]
    assert 0.56 < sum(amount < 100 for amount in amounts) / len(rows) < 0.67
    assert sum(amounts) / len(rows) > 3 * median(amounts)
    ends = Counter(amount % 1 for amount in amounts)
    assert ends[Decimal("0.90")] > 5 * ends[Decimal("0.37")]
    times = [datetime.fromisoformat(row["timestamp"]).astimezone(BRASILIA) for row in rows]
    hours = Counter(time.hour for time in times)
    assert hours[18] > 8 * hours[4]
    weekdays = Counter(time.weekday() for time in times)
    assert weekdays[6] < weekdays[4] * 0.8


@pytest.mark.slow
def test_people_keep_their_habits_and_new_accounts_are_paid():
    rows = default()["transacoes_historicas"] + default()["transacoes_pix"]
    pairs = Counter((row["chave_pix_origem"], row["chave_pix_destino"]) for row in rows)
    assert 0.2 < 1 - len(pairs) / len(rows) < 0.9
    since = {row["chave_pix"]: row["data_cadastro"] for row in default()["chaves_pix"]}
    window = default()["transacoes_pix"]
    new = sum(since[row["chave_pix_destino"]] >= "2026-07" for row in window) / len(window)
    assert 0.005 < new < 0.2


@pytest.mark.slow
def test_frauds_become_known_late_and_a_failed_log_in_may_have_no_device():
    times = {row["id_transacao"]: row["timestamp"] for row in default()["transacoes_pix"]}
    times |= {row["id_transacao"]: row["timestamp"] for row in default()["transacoes_historicas"]}
    days = [
        (
            datetime.fromisoformat(row["data_deteccao"])
            - datetime.fromisoformat(times[row["id_transacao"]])
        ).days
        for row in default()["fraudes"]
    ]
    assert 2 < median(days) < 30
    assert max(days) > 30
    log = default()["log_autenticacao"]
    unknown = [row for row in log if not row["id_dispositivo"] and row["status"] == "falha"]
    assert len(unknown) > 100


def _first(table: str, **values: str) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[table][0] |= values

    return change


def _drop_case(tables: Tables) -> None:
    tables["fraudes"].pop()


def _early_case(tables: Tables) -> None:
    tables["fraudes"][0]["data_deteccao"] = "2000-01-01T00:00:00Z"


def _dear_transfer(tables: Tables) -> None:
    honest = next(row for row in tables["transacoes_pix"] if row["status"] == "concluida")
    honest["valor"] = "9999999999.00"


def _swap_log(tables: Tables) -> None:
    log = [row for row in tables["log_autenticacao"] if row["id_dispositivo"]]
    other = next(row for row in log if row["id_usuario"] != log[0]["id_usuario"])
    log[0]["id_dispositivo"] = other["id_dispositivo"]


def _wrong_digit(tables: Tables) -> None:
    user = tables["usuarios"][0]
    user["cpf_cnpj"] = user["cpf_cnpj"][:-1] + str((int(user["cpf_cnpj"][-1]) + 1) % 10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sabotage", "offence"),
    [
        (_first("transacoes_pix", chave_pix_destino="nobody"), "a key that nobody has"),
        (_first("transacoes_pix", id_transacao="E1"), "no EndToEndId of its minute"),
        (_first("transacoes_pix", valor="12,50"), "valor is no amount"),
        (_first("transacoes_pix", timestamp="2026-08-03 03:00:00"), "timestamp is no UTC time"),
        (_first("transacoes_pix", status="talvez"), "status has another word"),
        (_first("usuarios", data_cadastro="2099-01-01T00:00:00Z"), "older than its user"),
        (_first("chaves_pix", nome_titular="Fulano"), "another name than the user's"),
        (_first("limites_transacoes", limite_diario="0.01"), "one transfer may exceed the day"),
        (_drop_case, "not one case for each suspicious transfer"),
        (_early_case, "detected before it happened"),
        (_dear_transfer, "a transfer above the payer's limit"),
        (_swap_log, "not a device of that user"),
        (_wrong_digit, "usuarios: no tax id"),
    ],
)
def test_sabotage_one_changed_cell_breaks_its_law(sabotage: Callable[[Tables], None], offence: str):
    tables = copy.deepcopy(small())
    sabotage(tables)
    assert any(offence in found for found in offences(tables))
