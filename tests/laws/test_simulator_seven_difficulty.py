"""No raw column of the seven tables alone finds fraud: average precision at most 0.2.

A column is judged by its order, by its reverse, and by the rate of cases of each value that were
known when the window began. Columns of the registers are those of the payer's or payee's row. The
status of a transfer is the label itself, and `fraudes` is where labels come from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest

from tests.laws.average_precision import average_precision
from tests.laws.seven import BRASILIA, Tables
from tests.laws.test_simulator_difficulty import LIMIT
from tests.laws.test_simulator_seven_tables import default

pytestmark = pytest.mark.slow


class Joined:
    """Transfers of both tables with the rows of registers that they point at."""

    def __init__(self, tables: Tables) -> None:
        self.rows = tables["transacoes_historicas"] + tables["transacoes_pix"]
        self.window = len(tables["transacoes_historicas"])
        self.keys = {row["chave_pix"]: row for row in tables["chaves_pix"]}
        self.users = {row["cpf_cnpj"]: row for row in tables["usuarios"]}
        self.limits = {row["id_usuario"]: row for row in tables["limites_transacoes"]}
        detected = {row["id_transacao"]: row["data_deteccao"] for row in tables["fraudes"]}
        begin = tables["transacoes_pix"][0]["timestamp"]
        ids = [row["id_transacao"] for row in self.rows]
        self.is_fraud = np.asarray([name in detected for name in ids])
        self.is_known = np.asarray([detected.get(name, "9") < begin for name in ids])

    def column(self, of: Callable[[dict[str, str]], str]) -> np.ndarray:
        """The places of the column's values in their order."""
        values = [of(row) for row in self.rows]
        ranks = {value: place for place, value in enumerate(sorted(set(values), key=_order))}
        return np.asarray([ranks[value] for value in values])

    def user(self, row: dict[str, str], side: str) -> dict[str, str]:
        """The user on that side of a transfer."""
        return self.users[self.keys[row[f"chave_pix_{side}"]]["cpf_cnpj"]]

    def best(self, values: np.ndarray) -> float:
        """The best average precision that the column reaches by itself."""
        past, window = slice(None, self.window), slice(self.window, None)
        seen = np.bincount(values[past], minlength=values.max() + 1)
        bad = np.bincount(values[past], weights=self.is_known[past], minlength=values.max() + 1)
        rates = (bad + self.is_fraud.mean()) / (seen + 1)
        numbers = values.astype(np.float64)
        return max(
            average_precision(self.is_fraud, numbers),
            average_precision(self.is_fraud, -numbers),
            average_precision(self.is_fraud[window], rates[values[window]]),
        )


def _order(value: str) -> tuple[float, str]:
    try:
        return float(value), ""
    except ValueError:
        return 0.0, value


def _local(row: dict[str, str]) -> datetime:
    return datetime.fromisoformat(row["timestamp"]).astimezone(BRASILIA)


def columns(joined: Joined) -> dict[str, Callable[[dict[str, str]], str]]:
    keys, user, limits = joined.keys, joined.user, joined.limits
    found: dict[str, Callable[[dict[str, str]], str]] = {
        "valor": lambda row: row["valor"],
        "centavos": lambda row: row["valor"][-2:],
        "hora": lambda row: str(_local(row).hour),
        "dia da semana": lambda row: str(_local(row).weekday()),
        "milissegundo": lambda row: row["timestamp"][20:23],
        "tipo_transacao": lambda row: row["tipo_transacao"],
        "ispb": lambda row: row["id_transacao"][1:9],
    }
    for side in ("origem", "destino"):
        at = f"chave_pix_{side}"
        found |= {
            at: lambda row, at=at: row[at],
            f"{side}: tipo_chave": lambda row, at=at: keys[row[at]]["tipo_chave"],
            f"{side}: chave desde": lambda row, at=at: keys[row[at]]["data_cadastro"],
            f"{side}: usuário desde": lambda row, s=side: user(row, s)["data_cadastro"],
            f"{side}: pessoa": lambda row, s=side: str(len(user(row, s)["cpf_cnpj"])),
            f"{side}: limite": lambda row, s=side: limits[user(row, s)["id_usuario"]][
                "limite_por_transacao"
            ],
            f"{side}: limite desde": lambda row, s=side: limits[user(row, s)["id_usuario"]][
                "data_atualizacao"
            ],
        }
    return found


def test_no_raw_column_alone_finds_fraud():
    joined = Joined(default())
    found = {name: joined.best(joined.column(of)) for name, of in columns(joined).items()}
    assert {name: score for name, score in found.items() if score > LIMIT} == {}


def test_sabotage_the_label_as_a_column_is_noticed():
    joined = Joined(default())
    assert joined.best(joined.column(lambda row: row["status"])) > 0.99


def test_sabotage_a_user_status_that_follows_frauds_is_noticed():
    joined = Joined(default())
    received: Counter[tuple[str, str]] = Counter(
        (joined.user(row, "destino")["id_usuario"], row["status"]) for row in joined.rows
    )

    def status(row: dict[str, str]) -> str:
        user = joined.user(row, "destino")["id_usuario"]
        is_mule = received[user, "suspeita"] >= received[user, "concluida"]
        return "bloqueado" if is_mule else "ativo"

    assert joined.best(joined.column(status)) > LIMIT
