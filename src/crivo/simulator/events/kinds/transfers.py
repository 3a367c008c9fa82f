"""Attempts to pay, as they are known when they are decided."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import MINUTE, SECOND
from crivo.domain.transfer import Initiation
from crivo.simulator.columns import Kind, words
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.events import customers, hits, identities, initiators, risk_signals
from crivo.simulator.events.accounts import ACCOUNT_TYPES, PERSON_TYPES
from crivo.simulator.events.entries import answered, entry_fields, entry_values, of_rows
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.naming import characters, key_types, person_ids
from crivo.simulator.events.timing import lead
from crivo.simulator.events.viewpoint import ALL, BOTH, NOBODY, PAYEE, PAYER
from crivo.simulator.institutions import ISPBS
from crivo.simulator.lettering import Names
from crivo.simulator.naming import device_ids
from crivo.simulator.people import is_legal_person
from crivo.simulator.rows import INITIATIONS, NONE, PURPOSES

SERVICE_LEVELS: Final = ("PAGPRI", "PAGAGD")
_CREATED_BEFORE: Final = (2 * SECOND, 2 * MINUTE)

#: What people write to those whom they pay; most write nothing, and codes leave no room for it.
REMITTANCES: Final = (
    "aluguel",
    "almoco",
    "presente",
    "obrigado",
    "conta de luz",
    "mercado",
    "uber",
)
_WRITTEN_PER_MILLE: Final = 180

#: Thousandths of static codes that carry no id (an assumption).
_WITHOUT_ID_PER_MILLE: Final = 600


def _draw(facts: DayFacts) -> Drawn:
    rows, seed, accounts = facts.rows, facts.seed, facts.accounts
    draws = facts.draws("transfers")
    count = len(rows)
    payers, payees = rows["payer"], rows["payee"]
    ispbs, types, kinds = words(ISPBS), words(ACCOUNT_TYPES), words(PERSON_TYPES)
    no_device = rows["device"] == NONE
    initiation = rows["initiation"].astype(np.int64)
    created = lead(rows["occurred_at"], facts.day.start, draws.spans(*_CREATED_BEFORE, count))
    registered_at = facts.devices.registered_at
    answers = entry_values(facts, answered(facts))
    is_legal = is_legal_person(accounts.town, payers).astype(np.int64)
    silent = facts.by_code | ~draws.chance(_WRITTEN_PER_MILLE, count)
    remittances = words(REMITTANCES)[draws.below(len(REMITTANCES), count)]
    payee_keys = facts.payee_keys(np.arange(count))
    of_payees = of_rows(answers, facts.look_up_of)
    return {
        "end_to_end_id": facts.ids,
        "created_at": created,
        "occurred_at": rows["occurred_at"],
        "received_at": rows["occurred_at"],
        "amount_centavos": rows["amount_centavos"],
        "initiation": words(INITIATIONS)[initiation],
        "service_level": words(SERVICE_LEVELS)[facts.settlement.scheduled.astype(np.int64)],
        "purpose": words(PURPOSES)[rows["purpose"].astype(np.int64)],
        "txid": _txids(facts, initiation),
        "remittance": (remittances, silent),
        **initiators.values(facts, draws),
        "payer_account": facts.payer_names,
        "payer_ispb": ispbs[facts.payer_places],
        "payer_account_type": types[accounts.types(payers)],
        "payer_person": person_ids(seed, accounts.persons(payers)),
        "payer_person_type": kinds[is_legal],
        "payer_account_opened_at": accounts.opened_at(payers),
        "payer_balance_centavos": facts.balances,
        "payee_account": facts.payee_names,
        "payee_ispb": ispbs[facts.payee_places],
        "payee_person": person_ids(seed, accounts.persons(payees)),
        "payee_key": (payee_keys, facts.by_hand),
        "payee_key_type": (key_types(payee_keys), facts.by_hand),
        "payee_account_opened_at": accounts.opened_at(payees),
        "is_same_psp": facts.same_psp,
        "is_sent": facts.settlement.sent,
        "device": (device_ids(seed, rows["device"]), no_device),
        "is_device_registered": (facts.devices.is_registered, no_device),
        "device_registered_at": (registered_at, registered_at == NONE),
        **identities.values(facts),
        **risk_signals.values(facts),
        **customers.values(facts, of_payees),
        **hits.values(facts),
        **of_payees,
    }


def _txids(facts: DayFacts, initiation: Int64s) -> tuple[Names, Bools]:
    """25 characters on a static code that has an id, 32 on a dynamic one; most static have none."""
    draws = facts.draws("txid")
    count = len(initiation)
    static = np.isin(
        initiation, [INITIATIONS.index(Initiation.QRES), INITIATIONS.index(Initiation.APES)]
    )
    txids = characters(draws, count, 32)
    without = ~facts.by_code | (static & draws.chance(_WITHOUT_ID_PER_MILLE, count))
    return np.where(static, txids.astype("S25"), txids), without


EVENTS: Final = EventKind(
    name="transfers",
    stream="pix.transfers.v1",
    key="payer_account",
    tier=Tier.DECISION,
    meaning="An attempt to pay, with what each side knows when it decides.",
    source="pacs.008 of the settlement system (no name of the payee), DICT API 2.12, Open Finance.",
    fields=(
        Field("end_to_end_id", Kind.TEXT, ALL, "EndToEndId"),
        Field("created_at", Kind.INSTANT, ALL, "when the payer began"),
        Field("occurred_at", Kind.INSTANT, ALL, "when the payer's institution accepted the order"),
        Field("received_at", Kind.INSTANT, ALL, "when the decision is asked for"),
        Field("amount_centavos", Kind.INTEGER, ALL, "centavos"),
        Field("initiation", Kind.WORD, ALL, "how the payee was named"),
        Field("service_level", Kind.WORD, ALL, "PAGPRI at once, PAGAGD scheduled"),
        Field("purpose", Kind.WORD, ALL, "what it is for"),
        Field("txid", Kind.TEXT, ALL, "the code's id; null where it has none", nullable=True),
        Field("remittance", Kind.TEXT, ALL, "what the payer wrote", nullable=True),
        *initiators.FIELDS,
        Field("payer_account", Kind.TEXT, ALL, "ISPB, branch and number"),
        Field("payer_ispb", Kind.WORD, ALL, "the payer's institution"),
        Field("payer_account_type", Kind.WORD, ALL, "code of the account type"),
        Field("payer_person", Kind.TEXT, ALL, "who pays, by tax id"),
        Field("payer_person_type", Kind.WORD, ALL, "natural or legal person"),
        Field("payer_account_opened_at", Kind.INSTANT, PAYER, "when the account was opened"),
        Field("payer_balance_centavos", Kind.INTEGER, PAYER, "in the account before the transfer"),
        Field("payee_account", Kind.TEXT, ALL, "ISPB, branch and number"),
        Field("payee_ispb", Kind.WORD, ALL, "the payee's institution"),
        Field("payee_person", Kind.TEXT, ALL, "who is paid, by tax id"),
        Field("payee_key", Kind.TEXT, ALL, "null where typed by hand", nullable=True),
        Field("payee_key_type", Kind.WORD, ALL, "null where typed by hand", nullable=True),
        Field("payee_account_opened_at", Kind.INSTANT, PAYEE, "of the own customer's account"),
        Field("is_same_psp", Kind.FLAG, BOTH, "both accounts lie with one institution"),
        Field("is_sent", Kind.FLAG, NOBODY, "whether others than the payer's institution see it"),
        Field("device", Kind.TEXT, PAYER, "null where not collected", nullable=True),
        Field("is_device_registered", Kind.FLAG, PAYER, "null without a device", nullable=True),
        Field("device_registered_at", Kind.INSTANT, PAYER, "null if not registered", nullable=True),
        *identities.FIELDS,
        *risk_signals.FIELDS,
        *customers.FIELDS,
        *hits.FIELDS,
        *entry_fields(PAYER),
    ),
    draw=_draw,
)
