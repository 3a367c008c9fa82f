"""The words of closed lists: what a phase, a standing, a metric is called in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from crivo.decision.reason_texts import Language

#: Of each kind, its values with their Portuguese and English words.
TERMS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "phase": {
        "initiation": ("iniciação", "initiation"),
        "settlement": ("liquidação", "settlement"),
    },
    "standing": {
        "CLEAR": ("livre", "clear"),
        "WARNED": ("alertada", "warned"),
        "CHALLENGED": ("espera confirmação", "challenged"),
        "HELD": ("retida", "held"),
        "BLOCKED": ("bloqueada", "blocked"),
        "STOPPED": ("impedida", "stopped"),
        "SETTLED": ("liquidada", "settled"),
    },
    "mode": {
        "TIMEOUT": ("sem tempo para decidir", "no time to decide"),
        "LOG_SLOW": ("registro lento", "slow log"),
        "NO_MODEL": ("sem tempo para o modelo", "no time for the model"),
        "STALE_STATE": ("dados antigos do DICT", "old data of the DICT"),
        "DICT_MISSING": ("chave sem dados do DICT", "key without data of the DICT"),
        "KILL_MODEL": ("modelo desligado", "model switched off"),
        "KILL_RULES": ("regras desligadas", "rules switched off"),
        "KILL_ALL": ("tudo desligado", "all switched off"),
    },
    "kind": {
        "events": ("eventos de transferências", "events of transfers"),
        "rows": ("linhas de uma tabela", "rows of a table"),
    },
    "clock": {
        "wall": ("hora do dia", "time of day"),
        "replay": ("horário de cada pedido", "time of each request"),
    },
    "version": {
        "bundle": ("pacote", "bundle"),
        "features": ("atributos", "features"),
        "plan": ("plano", "plan"),
        "model": ("modelo", "model"),
        "rules": ("regras", "rules"),
        "policy": ("política", "policy"),
        "kernel": ("núcleo", "kernel"),
    },
    "metric": {
        "average_precision": ("precisão média", "average precision"),
        "recall_at_fpr_1_percent": (
            "fraudes achadas com 1 % de alarmes falsos",
            "recall at 1 % false positives",
        ),
        "recall_at_fpr_5_percent": (
            "fraudes achadas com 5 % de alarmes falsos",
            "recall at 5 % false positives",
        ),
        "precision_at_capacity": (
            "acerto no que se consegue revisar",
            "precision at capacity",
        ),
        "recall_at_capacity": (
            "fraudes achadas no que se consegue revisar",
            "recall at capacity",
        ),
        "money_recalled_at_capacity": (
            "valor de fraudes achado no que se consegue revisar",
            "money recalled at capacity",
        ),
        "brier": ("erro de Brier", "Brier score"),
        "calibration_error": ("erro de calibração", "calibration error"),
        "expected_over_observed": (
            "fraudes esperadas por fraude que veio",
            "expected over observed frauds",
        ),
        "auc": ("área sob a curva ROC", "area under the ROC curve"),
    },
}


def term(kind: str, value: str, language: Language) -> str:
    """The word for a value of a kind.

    Raises:
        KeyError: no such kind or value.
    """
    return TERMS[kind][value][0 if language is Language.PT else 1]


def named_versions(versions: Mapping[str, str], language: Language) -> list[tuple[str, str]]:
    """Hashes of what decided with the words for what they are of."""
    return [(term("version", name, language), value) for name, value in versions.items()]
