"""What each audience may read of a reason, in Portuguese and English."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.decision.reasons import ReasonCode
from crivo.domain.phase import Phase


class Audience(StrEnum):
    """Who reads a public text."""

    PAYER = "payer"
    PAYEE = "payee"


class Language(StrEnum):
    """In which language (the regulator's is Portuguese; LGPD art. 20 asks for a clear text)."""

    PT = "pt"
    EN = "en"


class Subject(StrEnum):
    """Whose fact a reason states. `laundering` marks indicators that nobody may be told about."""

    PAYER = "payer"
    PAYEE = "payee"
    TRANSFER = "transfer"
    LAUNDERING = "laundering"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason's texts. Public texts name no weight, threshold or fact of the other party."""

    subject: Subject
    pt: str
    en: str
    internal: str


#: What an audience reads in place of a fact about somebody else, or of one it may not be told.
GENERIC: Final = {
    Language.PT: "A operação apresentou características que exigem mais cuidado.",
    Language.EN: "The transfer showed characteristics that call for more care.",
}

REASONS: Final[dict[ReasonCode, Reason]] = {
    ReasonCode.PAYEE_REPORTED: Reason(
        Subject.PAYEE,
        "Há relatos de fraude envolvendo recebimentos desta conta.",
        "There are fraud reports about transfers received by this account.",
        "The payee received transfers that were reported as fraud, as known at that time.",
    ),
    ReasonCode.PAYEE_ACCT_NEW: Reason(
        Subject.PAYEE,
        "Esta conta tem pouco histórico de recebimentos.",
        "This account has little history of receiving transfers.",
        "The payee was first seen a short time before the transfer.",
    ),
    ReasonCode.PAYEE_NEW_FOR_PAYER: Reason(
        Subject.PAYER,
        "Você não costuma pagar a este recebedor.",
        "You do not usually pay this payee.",
        "No transfer from this payer to this payee in the window of the feature.",
    ),
    ReasonCode.PAYEE_FAN_IN: Reason(
        Subject.LAUNDERING,
        GENERIC[Language.PT],
        GENERIC[Language.EN],
        "Many transfers reached the payee in a short time.",
    ),
    ReasonCode.PAYEE_PASS_THROUGH: Reason(
        Subject.LAUNDERING,
        GENERIC[Language.PT],
        GENERIC[Language.EN],
        "The payee sends on what it receives.",
    ),
    ReasonCode.PAYER_REPORTED: Reason(
        Subject.PAYER,
        "Há relatos de fraude recentes em pagamentos feitos por esta conta.",
        "There are recent fraud reports about payments made from this account.",
        "Transfers of this payer were reported as fraud, as known at that time.",
    ),
    ReasonCode.PAYER_PASS_THROUGH: Reason(
        Subject.LAUNDERING,
        GENERIC[Language.PT],
        GENERIC[Language.EN],
        "The payer sends on what its account has just received.",
    ),
    ReasonCode.PAYER_RECEIPTS_REPORTED: Reason(
        Subject.LAUNDERING,
        GENERIC[Language.PT],
        GENERIC[Language.EN],
        "Transfers that the payer's account received were reported as fraud, as known then.",
    ),
    ReasonCode.PAYEE_MARKED: Reason(
        Subject.PAYEE,
        "Há marcações de fraude relacionadas a você no diretório do Pix.",
        "There are fraud markers about you in the Pix directory.",
        "The directory told of markers or reports about the payee's person or key, or a fraud "
        "marker stands against one of them.",
    ),
    ReasonCode.PAYER_MARKED: Reason(
        Subject.PAYER,
        "Há marcação de fraude em seu nome no diretório do Pix; você pode pedir revisão.",
        "There is a fraud marker against you in the Pix directory; you may ask for a review.",
        "A fraud marker stands against the payer's person: no Pix but returns.",
    ),
    ReasonCode.MARKED_MET: Reason(
        Subject.LAUNDERING,
        GENERIC[Language.PT],
        GENERIC[Language.EN],
        "Payer or payee has dealt with accounts that accepted reports mark.",
    ),
    ReasonCode.LISTED: Reason(
        Subject.LAUNDERING,
        GENERIC[Language.PT],
        GENERIC[Language.EN],
        "Somebody who takes part was entered into a list of the watched or the stopped.",
    ),
    ReasonCode.ACCESS_UNUSUAL: Reason(
        Subject.PAYER,
        "Houve acessos incomuns a esta conta.",
        "There were unusual accesses to this account.",
        "Failed log-ins, a reset credential or an unusual session came before the transfer.",
    ),
    ReasonCode.LIMIT_RAISED: Reason(
        Subject.PAYER,
        "Houve pedido recente de aumento de limite nesta conta.",
        "A higher limit was asked for on this account recently.",
        "The payer asked for a higher limit shortly before the transfer.",
    ),
    ReasonCode.LIMIT_USED: Reason(
        Subject.PAYER,
        "Boa parte do limite desta conta já foi usada.",
        "Much of this account's limit has been used already.",
        "What was paid today or tonight takes up much of the limit in force.",
    ),
    ReasonCode.DEVICE_NEW: Reason(
        Subject.PAYER,
        "O aparelho usado é pouco conhecido nesta conta.",
        "The device that was used is little known on this account.",
        "The device is new to the payer, or pays for several accounts.",
    ),
    ReasonCode.AMOUNT_VS_PROFILE: Reason(
        Subject.PAYER,
        "O valor foge do que você costuma transferir.",
        "The amount is out of line with what you usually transfer.",
        "The amount stands out against the payer's earlier transfers.",
    ),
    ReasonCode.BURST_OUT: Reason(
        Subject.PAYER,
        "Houve muitas transferências desta conta em pouco tempo.",
        "There were many transfers from this account in a short time.",
        "The payer attempted unusually many transfers, or value, in a short window.",
    ),
    ReasonCode.HOUR_UNUSUAL: Reason(
        Subject.TRANSFER,
        "O horário da operação foi considerado na análise.",
        "The time of day of the transfer was considered in the analysis.",
        "The hour or weekday of the transfer weighed on the model's score.",
    ),
    ReasonCode.NIGHT_LIMIT: Reason(
        Subject.PAYER,
        "O valor passa do limite noturno desta conta.",
        "The amount is above this account's night limit.",
        "Amount above the night limit in force, between the night's start and end in Brasília.",
    ),
    ReasonCode.TRANSFER_LIMIT: Reason(
        Subject.PAYER,
        "O valor passa do limite por transação.",
        "The amount is above the limit of one transfer.",
        "Amount above the limit of one transfer in force.",
    ),
    ReasonCode.CONTACTLESS_LIMIT: Reason(
        Subject.PAYER,
        "O valor passa do limite para pagamentos por aproximação.",
        "The amount is above the limit for contactless payments.",
        "Initiation APDN or APES, and the amount above the limit in force for these.",
    ),
    ReasonCode.CASH_LIMIT: Reason(
        Subject.PAYER,
        "O total de saques e trocos passa do limite do período.",
        "The total of withdrawals and change is above the limit of the period.",
        "Purpose GSCB or OTHR: with this one what was withdrawn by day, or in the night, is above "
        "the limit in force.",
    ),
    ReasonCode.INSTITUTION_LIMIT: Reason(
        Subject.PAYER,
        "O valor passa do limite por transação da sua instituição.",
        "The amount is above your institution's limit of one transfer.",
        "The payer's institution is one whose transfers are capped, and the amount is above that.",
    ),
    ReasonCode.DAY_TOTAL_LIMIT: Reason(
        Subject.PAYER,
        "O total do dia passa do limite diário desta conta.",
        "The day's total is above this account's limit of a day.",
        "With this one, what was attempted since midnight is above the segment's limit of a day.",
    ),
    ReasonCode.NIGHT_TOTAL_LIMIT: Reason(
        Subject.PAYER,
        "O total da noite passa do limite noturno desta conta.",
        "The night's total is above this account's limit of a night.",
        "With this one, what was attempted since the account's night began is above the segment's "
        "limit of a night.",
    ),
    ReasonCode.DEVICE_DAY_LIMIT: Reason(
        Subject.PAYER,
        "O total do dia passa do limite para aparelhos não cadastrados.",
        "The day's total is above the limit for devices that are not registered.",
        "With this one, what devices told as not registered attempted since midnight is above the "
        "segment's limit.",
    ),
    ReasonCode.PRECAUTIONARY_BLOCK: Reason(
        Subject.PAYEE,
        "O valor recebido foi bloqueado por cautela: será liberado ou devolvido no prazo da norma.",
        "The amount received was blocked as a precaution, and is released or returned in the time "
        "that the norm gives.",
        "The payee's institution credits the transfer and freezes it, to release or return it.",
    ),
    ReasonCode.DICT_OPEN_REPORTS: Reason(
        Subject.PAYEE,
        "Há relatos de infração em análise sobre você no diretório do Pix.",
        "There are infraction reports about you under analysis in the Pix directory.",
        "The directory tells of open reports about the payee's person.",
    ),
    ReasonCode.DICT_MULTI_REPORTER: Reason(
        Subject.PAYEE,
        "Mais de uma instituição relatou infrações envolvendo você no diretório do Pix.",
        "More than one institution has reported infractions involving you in the Pix directory.",
        "Several institutions have reported the payee's person to the directory.",
    ),
    ReasonCode.KEY_NEW: Reason(
        Subject.PAYEE,
        "Sua chave Pix foi registrada há pouco tempo.",
        "Your Pix key was registered a short time ago.",
        "The key was made shortly before the transfer, as the directory tells.",
    ),
    ReasonCode.KEY_OWNER_CHANGED: Reason(
        Subject.PAYEE,
        "Sua chave Pix mudou de titular ou de instituição há pouco tempo.",
        "Your Pix key changed its owner or institution a short time ago.",
        "The key was claimed, or has a new owner, shortly before the transfer.",
    ),
    ReasonCode.PAYEE_DORMANT_REACTIVATED: Reason(
        Subject.LAUNDERING,
        GENERIC[Language.PT],
        GENERIC[Language.EN],
        "An account that is known for long and received nothing for a month receives again.",
    ),
    ReasonCode.AFTER_LOAN: Reason(
        Subject.PAYER,
        "Houve contratação recente de crédito nesta conta.",
        "A loan was taken out on this account recently.",
        "A loan was paid out within the day, as the session's risk signals tell.",
    ),
    ReasonCode.AFTER_CREDENTIAL_RESET: Reason(
        Subject.PAYER,
        "A senha ou credencial desta conta foi redefinida há pouco tempo.",
        "A password or credential of this account was reset a short time ago.",
        "A credential of the payer was reset shortly before the transfer.",
    ),
    ReasonCode.DEVICE_UNREGISTERED_LIMIT: Reason(
        Subject.PAYER,
        "O valor passa do limite para um aparelho não cadastrado.",
        "The amount is above the limit for a device that is not registered.",
        "Amount above the limit of one transfer from a device that is told as not registered; "
        "where a rule says it, from one that has not paid from this account.",
    ),
    ReasonCode.DEVICE_COMPROMISED: Reason(
        Subject.PAYER,
        "Foram encontrados sinais de adulteração no aparelho usado.",
        "Signs of tampering were found on the device that was used.",
        "Rooted, emulated or not genuine, as the session's risk signals tell.",
    ),
    ReasonCode.CALL_IN_PROGRESS: Reason(
        Subject.PAYER,
        "Havia uma chamada em andamento durante a operação.",
        "A call was in progress during the transfer.",
        "A call was in progress, as the session's risk signals tell.",
    ),
    ReasonCode.REMOTE_ACCESS: Reason(
        Subject.PAYER,
        "Há sinais de acesso remoto ao aparelho usado.",
        "There are signs of remote access to the device that was used.",
        "Remote access or an overlaid screen, as the session's risk signals tell.",
    ),
    ReasonCode.GEO_IMPOSSIBLE: Reason(
        Subject.PAYER,
        "O local informado pelo aparelho é incomum para esta conta.",
        "The place that the device reported is unusual for this account.",
        "A false place, or one far from where this person pays, as the risk signals tell.",
    ),
    ReasonCode.QR_PAYEE_MISMATCH: Reason(
        Subject.PAYER,
        "O recebedor do código lido não corresponde ao estabelecimento mostrado.",
        "The receiver of the scanned code does not match the merchant shown.",
        "Receiver and merchant of the code differ, as the session's risk signals tell.",
    ),
    ReasonCode.AUTO_REQUEST_EXCESS: Reason(
        Subject.PAYEE,
        "Houve muitos pedidos de autorização de Pix Automático em pouco tempo.",
        "There were many requests for automatic Pix in a short time.",
        "The payee asked for unusually many authorisations within the day.",
    ),
    ReasonCode.NETWORK_PROXIMITY_MARKED: Reason(
        Subject.LAUNDERING,
        GENERIC[Language.PT],
        GENERIC[Language.EN],
        "The payee has lately dealt with several accounts that accepted reports mark.",
    ),
    ReasonCode.PAYEE_HISTORY_ABSENT: Reason(
        Subject.PAYEE,
        "Faltam, sobre esta conta, registros que outras contas costumam ter.",
        "This account lacks records that other accounts usually have.",
        "A feature of the payee had no value, or counted nothing, and that raised the score.",
    ),
    ReasonCode.PAYER_HISTORY_ABSENT: Reason(
        Subject.PAYER,
        "Faltam registros de uso desta conta que outras contas costumam ter.",
        "This account lacks records of use that other accounts usually have.",
        "A feature of the payer had no value, or counted nothing, and that raised the score.",
    ),
    ReasonCode.MODEL_SCORE: Reason(
        Subject.TRANSFER,
        "A análise automática indicou risco acima do habitual; você pode pedir revisão.",
        "The automated analysis indicated above-usual risk; you may ask for a review.",
        "The calibrated score reached the threshold of the outcome in force.",
    ),
    ReasonCode.DATA_LATE: Reason(
        Subject.TRANSFER,
        "A operação chegou com atraso e foi analisada na situação do seu horário.",
        "The transfer arrived late and was analysed as of its own time.",
        "Received over one hour after it happened: scored, not inserted into any window.",
    ),
    ReasonCode.NOT_SCORED_RETURN: Reason(
        Subject.TRANSFER,
        "Devoluções não passam por análise de risco.",
        "Returns are not subject to risk analysis.",
        "Purpose REFU or IPRT: allowed without a score.",
    ),
    ReasonCode.TIMEOUT_DEGRADED: Reason(
        Subject.TRANSFER,
        "A análise completa não terminou a tempo; valeu a regra de contingência.",
        "The full analysis did not finish in time; the contingency rule applied.",
        "Past its deadline: the outcome is the degraded policy's for the amount band.",
    ),
    ReasonCode.LOG_SLOW: Reason(
        Subject.TRANSFER,
        "O registro das análises está lento; valeu a regra de contingência.",
        "The record of analyses is slow; the contingency rule applied.",
        "Earlier decisions waited for the disk beyond the policy's limit: nothing was scored.",
    ),
    ReasonCode.MODEL_MISSING: Reason(
        Subject.TRANSFER,
        "A análise terminou sem a avaliação automática de risco; valeu a regra de contingência.",
        "The analysis ended without the automated risk assessment; the contingency rule applied.",
        "No time was left for the model: rules decided, and the degraded policy's least outcome.",
    ),
    ReasonCode.DATA_STALE: Reason(
        Subject.TRANSFER,
        "Parte das informações da análise estava desatualizada; valeu a regra de contingência.",
        "Part of the information for the analysis was out of date; the contingency rule applied.",
        "What the directory told of the payee's person is older than the policy allows.",
    ),
    ReasonCode.DATA_MISSING_DICT: Reason(
        Subject.TRANSFER,
        "Faltou parte das informações da análise; valeu a regra de contingência.",
        "Part of the information for the analysis was missing; the contingency rule applied.",
        "A key is paid to of which the directory told neither age nor counters.",
    ),
    ReasonCode.SWITCHED_OFF: Reason(
        Subject.TRANSFER,
        "Parte da análise estava suspensa; valeu a regra de contingência.",
        "Part of the analysis was suspended; the contingency rule applied.",
        "A kill switch of the policy was on: model, rules, or both had no say.",
    ),
}

#: Whose customer reads: the payer's institution initiates, the payee's asks before it credits.
AUDIENCES: Final = {Phase.INITIATION: Audience.PAYER, Phase.SETTLEMENT: Audience.PAYEE}

_MAY_READ: Final = {
    Audience.PAYER: frozenset({Subject.PAYER, Subject.TRANSFER}),
    Audience.PAYEE: frozenset({Subject.PAYEE, Subject.TRANSFER}),
}


def public_text(code: ReasonCode, audience: Audience, language: Language) -> str:
    """What that audience may read about the reason: never a fact about the other party."""
    reason = REASONS[code]
    if reason.subject not in _MAY_READ[audience]:
        return GENERIC[language]
    return reason.pt if language is Language.PT else reason.en
