"""What must be true of the seven tables, read from their CSV files and nothing else."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

COLUMNS = {
    "transacoes_pix": "id_transacao,timestamp,valor,chave_pix_origem,chave_pix_destino,"
    "tipo_transacao,status",
    "chaves_pix": "chave_pix,tipo_chave,cpf_cnpj,nome_titular,data_cadastro,status",
    "usuarios": "id_usuario,cpf_cnpj,nome,email,telefone,data_cadastro,status",
    "dispositivos": "id_dispositivo,id_usuario,tipo_dispositivo,data_registro,status",
    "fraudes": "id_fraude,id_transacao,tipo_fraude,data_deteccao,valor_fraude,status",
    "limites_transacoes": "id_usuario,limite_diario,limite_por_transacao,data_atualizacao",
    "log_autenticacao": "id_log,id_usuario,timestamp,tipo_autenticacao,status,id_dispositivo",
}
COLUMNS["transacoes_historicas"] = COLUMNS["transacoes_pix"]
KEYS = {
    "transacoes_pix": "id_transacao",
    "transacoes_historicas": "id_transacao",
    "chaves_pix": "chave_pix",
    "usuarios": "id_usuario",
    "dispositivos": "id_dispositivo",
    "fraudes": "id_fraude",
    "limites_transacoes": "id_usuario",
    "log_autenticacao": "id_log",
}
TIMES = ("timestamp", "data_cadastro", "data_registro", "data_deteccao", "data_atualizacao")
MONEY = ("valor", "valor_fraude", "limite_diario", "limite_por_transacao")
ENUMERATIONS = {
    ("transacoes_pix", "tipo_transacao"): {
        "chave",
        "manual",
        "qr_estatico",
        "qr_dinamico",
        "automatico",
        "iniciador",
        "aproximacao_dinamica",
        "aproximacao_estatica",
    },
    ("transacoes_pix", "status"): {"concluida", "suspeita"},
    ("chaves_pix", "tipo_chave"): {"evp", "telefone", "cpf", "email", "cnpj"},
    ("chaves_pix", "status"): {"ativa", "inativa", "em_reivindicacao"},
    ("usuarios", "status"): {"ativo", "inativo", "bloqueado"},
    ("dispositivos", "tipo_dispositivo"): {
        "celular_android",
        "celular_ios",
        "computador",
        "tablet",
    },
    ("dispositivos", "status"): {"ativo", "removido", "bloqueado"},
    ("fraudes", "tipo_fraude"): {
        "outros",
        "compra_falsa",
        "falso_emprego",
        "falso_investimento",
        "whatsapp_clonado",
        "falsa_central",
        "mao_fantasma",
        "malware_ats",
        "troca_de_qr_ou_da_area_de_transferencia",
        "golpe_do_pix_errado",
        "sequestro_relampago",
        "roubo_de_celular",
        "fraude_de_abertura",
        "rede_de_contas_laranja",
        "excesso_de_pedidos_de_pix_automatico",
        "comprometimento_de_psp_ou_psti",
    },
    ("fraudes", "status"): {"confirmada"},
    ("log_autenticacao", "tipo_autenticacao"): {"biometria", "senha", "pin", "token"},
    ("log_autenticacao", "status"): {"sucesso", "falha"},
}
for name in ("tipo_transacao", "status"):
    ENUMERATIONS["transacoes_historicas", name] = ENUMERATIONS["transacoes_pix", name]

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)
REAIS = re.compile(r"\d{1,10}\.\d\d", re.ASCII)
END_TO_END = re.compile(r"E[0-9A-Z]{8}(\d{12})[a-zA-Z0-9]{11}", re.ASCII)
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)
PHONE = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)
EMAIL = re.compile(r"[a-z0-9.]+@[a-z0-9.]+", re.ASCII)
BRASILIA = timezone(timedelta(hours=-3))

Rows = list[dict[str, str]]
Tables = dict[str, Rows]


def read(folder: Path) -> Tables:
    """Every table as dictionaries of text."""
    found = {}
    for name in COLUMNS:
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            found[name] = list(csv.DictReader(file))
    return found


def check_digits(body: str, weights: tuple[int, ...]) -> str:
    """The two digits of modulus 11; `weights` are those of the second, without its own."""
    first = sum(int(d) * w for d, w in zip(body, weights[1:], strict=True)) % 11
    first = 0 if first < 2 else 11 - first
    second = sum(int(d) * w for d, w in zip(f"{body}{first}", weights, strict=True)) % 11
    return f"{first}{0 if second < 2 else 11 - second}"


def is_cpf(text: str) -> bool:
    valid = re.fullmatch(r"\d{11}", text, re.ASCII) and len(set(text)) > 1
    return bool(valid) and text[9:] == check_digits(text[:9], (11, 10, 9, 8, 7, 6, 5, 4, 3, 2))


def is_cnpj(text: str) -> bool:
    valid = re.fullmatch(r"\d{14}", text, re.ASCII)
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return bool(valid) and text[12:] == check_digits(text[:12], weights)


KEY_FORMS = {
    "evp": lambda key: bool(UUID4.fullmatch(key)),
    "telefone": lambda key: bool(PHONE.fullmatch(key)),
    "email": lambda key: bool(EMAIL.fullmatch(key)) and len(key) <= 77,
    "cpf": is_cpf,
    "cnpj": is_cnpj,
}


def offences(tables: Tables) -> Iterator[str]:
    """What is wrong, in words that name the table."""
    yield from _forms(tables)
    yield from _references(tables)
    yield from _transfers(tables)
    yield from _cases(tables)
    yield from _limits(tables)
    yield from _order(tables)


def _forms(tables: Tables) -> Iterator[str]:
    for name, rows in tables.items():
        if any(",".join(row) != COLUMNS[name] for row in rows[:1]):
            yield f"{name}: other columns"
        values = [row[KEYS[name]] for row in rows]
        if len(set(values)) != len(values):
            yield f"{name}: {KEYS[name]} is not unique"
        for column in rows[0]:
            found = [row[column] for row in rows]
            if column in TIMES and not all(INSTANT.fullmatch(value) for value in found):
                yield f"{name}: {column} is no UTC time"
            if column in MONEY and not all(REAIS.fullmatch(value) for value in found):
                yield f"{name}: {column} is no amount"
            words = ENUMERATIONS.get((name, column))
            if words is not None and not set(found) <= words:
                yield f"{name}: {column} has another word"
            if "" in found and (name, column) != ("log_autenticacao", "id_dispositivo"):
                yield f"{name}: {column} is empty"
    for row in tables["chaves_pix"]:
        if not KEY_FORMS[row["tipo_chave"]](row["chave_pix"]):
            yield "chaves_pix: a key that is none"
    for row in tables["usuarios"]:
        if not (is_cpf(row["cpf_cnpj"]) or is_cnpj(row["cpf_cnpj"])):
            yield "usuarios: no tax id"
        if not (PHONE.fullmatch(row["telefone"]) and EMAIL.fullmatch(row["email"])):
            yield "usuarios: no telephone or address"


def _references(tables: Tables) -> Iterator[str]:
    users = {row["id_usuario"]: row for row in tables["usuarios"]}
    by_tax_id = {row["cpf_cnpj"]: row for row in tables["usuarios"]}
    if len(by_tax_id) != len(users):
        yield "usuarios: cpf_cnpj is not unique"
    for row in tables["chaves_pix"]:
        holder = by_tax_id.get(row["cpf_cnpj"])
        if holder is None:
            yield "chaves_pix: nobody has that tax id"
            continue
        if holder["nome"] != row["nome_titular"]:
            yield "chaves_pix: another name than the user's"
        own = {"cpf": "cpf_cnpj", "cnpj": "cpf_cnpj", "telefone": "telefone", "email": "email"}
        column = own.get(row["tipo_chave"])
        if column is not None and holder[column] != row["chave_pix"]:
            yield "chaves_pix: another user's key"
    devices = {row["id_dispositivo"]: row["id_usuario"] for row in tables["dispositivos"]}
    if not set(devices.values()) <= set(users):
        yield "dispositivos: nobody has that id"
    if {row["id_usuario"] for row in tables["limites_transacoes"]} != set(users):
        yield "limites_transacoes: not one a user"
    for row in tables["log_autenticacao"]:
        if row["id_usuario"] not in users:
            yield "log_autenticacao: nobody has that id"
        if row["id_dispositivo"]:
            if devices.get(row["id_dispositivo"]) != row["id_usuario"]:
                yield "log_autenticacao: not a device of that user"
    if max(Counter(devices.values()).values()) < 2:
        yield "dispositivos: nobody has several"


def _transfers(tables: Tables) -> Iterator[str]:
    keys = {row["chave_pix"]: row for row in tables["chaves_pix"]}
    for row in tables["transacoes_historicas"] + tables["transacoes_pix"]:
        minute = END_TO_END.fullmatch(row["id_transacao"])
        if minute is None or minute[1] != re.sub(r"[-T:]", "", row["timestamp"][:16]):
            yield "transacoes: no EndToEndId of its minute"
        sides = [keys.get(row[f"chave_pix_{side}"]) for side in ("origem", "destino")]
        if None in sides:
            yield "transacoes: a key that nobody has"
        elif any(key["data_cadastro"] >= row["timestamp"] for key in sides):
            yield "transacoes: older than its keys"
        elif any(key["status"] != "ativa" for key in sides):
            yield "transacoes: a key that is not active"
        if row["chave_pix_origem"] == row["chave_pix_destino"]:
            yield "transacoes: paid to the same key"
        if Decimal(row["valor"]) <= 0:
            yield "transacoes: moves nothing"


def _cases(tables: Tables) -> Iterator[str]:
    transfers = tables["transacoes_historicas"] + tables["transacoes_pix"]
    suspicious = {row["id_transacao"]: row for row in transfers if row["status"] == "suspeita"}
    cases = {row["id_transacao"]: row for row in tables["fraudes"]}
    if len(cases) != len(tables["fraudes"]) or set(cases) != set(suspicious):
        yield "fraudes: not one case for each suspicious transfer"
    for name, row in cases.items():
        transfer = suspicious.get(name)
        if transfer is None:
            continue
        if row["data_deteccao"] <= transfer["timestamp"]:
            yield "fraudes: detected before it happened"
        if row["valor_fraude"] != transfer["valor"]:
            yield "fraudes: another amount than the transfer's"


def _limits(tables: Tables) -> Iterator[str]:
    holders = {row["cpf_cnpj"]: row["id_usuario"] for row in tables["usuarios"]}
    payers = {row["chave_pix"]: holders.get(row["cpf_cnpj"]) for row in tables["chaves_pix"]}
    limits = {
        row["id_usuario"]: (Decimal(row["limite_por_transacao"]), Decimal(row["limite_diario"]))
        for row in tables["limites_transacoes"]
    }
    if any(single > day for single, day in limits.values()):
        yield "limites_transacoes: one transfer may exceed the day"
    spent: Counter[tuple[str | None, str]] = Counter()
    for row in tables["transacoes_historicas"] + tables["transacoes_pix"]:
        payer = payers.get(row["chave_pix_origem"])
        limit = limits.get(payer or "")
        if limit is None:
            continue
        local = datetime.fromisoformat(row["timestamp"]).astimezone(BRASILIA)
        spent[payer, local.date().isoformat()] += int(Decimal(row["valor"]) * 100)
        if Decimal(row["valor"]) > limit[0]:
            yield "limites_transacoes: a transfer above the payer's limit"
    if any(limits[payer][1] * 100 < cents for (payer, _), cents in spent.items() if payer):
        yield "limites_transacoes: a day above the payer's limit"


def _order(tables: Tables) -> Iterator[str]:
    registered = {row["id_usuario"]: row["data_cadastro"] for row in tables["usuarios"]}
    devices = {row["id_dispositivo"]: row["data_registro"] for row in tables["dispositivos"]}
    for row in tables["dispositivos"]:
        if row["data_registro"] < registered.get(row["id_usuario"], ""):
            yield "dispositivos: older than its user"
    for row in tables["limites_transacoes"]:
        if row["data_atualizacao"] < registered.get(row["id_usuario"], ""):
            yield "limites_transacoes: older than its user"
    for row in tables["log_autenticacao"]:
        if row["timestamp"] < registered.get(row["id_usuario"], ""):
            yield "log_autenticacao: before the user registered"
        if row["timestamp"] < devices.get(row["id_dispositivo"], ""):
            yield "log_autenticacao: before the device was registered"
    earlier, later = tables["transacoes_historicas"], tables["transacoes_pix"]
    times = [row["timestamp"] for row in earlier + later]
    if times != sorted(times):
        yield "transacoes: not in the order of time"
