"""A transfer: an attempt to move money by Pix, as far as its facts go (no names, no free text)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import NoneType
from typing import Final

from crivo.domain.account import CustomerSegment
from crivo.domain.declared import check_fields
from crivo.domain.errors import Code, invalid
from crivo.domain.event import ENTITY_ID_BYTES
from crivo.domain.fields import Centavos, EndToEndId, EntityId, Instant, Ispb, TxId
from crivo.domain.identifiers import check_ispb, check_txid, end_to_end_id_minute
from crivo.domain.instant import check_instant
from crivo.domain.money import check_centavos

SCHEMA: Final = "transfer.v1"


class Initiation(StrEnum):
    """How the payer named the payee (the local instrument of pacs.008)."""

    MANU = "MANU"
    DICT = "DICT"
    QRES = "QRES"
    QRDN = "QRDN"
    INIC = "INIC"
    AUTO = "AUTO"
    APDN = "APDN"
    APES = "APES"


class Purpose(StrEnum):
    """What the transfer is for (pacs.008 purpose); REFU and IPRT are returns, never scored."""

    IPAY = "IPAY"
    GSCB = "GSCB"
    OTHR = "OTHR"
    REFU = "REFU"
    IPRT = "IPRT"


class ServiceLevel(StrEnum):
    """When it is to be paid: at once, on a day set before, or after an analysis against fraud."""

    PAGPRI = "PAGPRI"
    PAGAGD = "PAGAGD"
    PAGFRD = "PAGFRD"


_ID: Final = ENTITY_ID_BYTES
_TEXT: Final = (NoneType, str)
_INITIATION: Final = (NoneType, Initiation)
_PURPOSE: Final = (NoneType, Purpose)
_SERVICE_LEVEL: Final = (NoneType, ServiceLevel)
_SEGMENT: Final = (NoneType, CustomerSegment)


@dataclass(frozen=True, slots=True)
class Transfer:
    """The facts of one attempt. The order of the fields is the schema `transfer.v1`: only append.

    Ids are 16-byte pseudonyms. `occurred_at` is an instant; `amount_centavos` is 1 .. 10¹² − 1.
    A fact that the door was not given is None, which is not the same as any value. `initiator_ispb`
    is the payment initiator's, who is neither payer's nor payee's institution; `payer_segment`
    and `payee_segment` are what each party's institution holds its account as.

    Raises:
        Refused: the first fact that cannot be, with its field.
    """

    end_to_end_id: EndToEndId
    occurred_at: Instant
    amount_centavos: Centavos
    payer_account_id: EntityId | None
    payee_account_id: EntityId | None
    payer_person_id: EntityId | None = None
    payee_person_id: EntityId | None = None
    payee_key_id: EntityId | None = None
    device_id: EntityId | None = None
    payer_ispb: Ispb | None = None
    payee_ispb: Ispb | None = None
    initiation: Initiation | None = None
    purpose: Purpose | None = None
    service_level: ServiceLevel | None = None
    txid: TxId | None = None
    initiator_ispb: Ispb | None = None
    payer_segment: CustomerSegment | None = None
    payee_segment: CustomerSegment | None = None

    def __post_init__(self) -> None:
        if not _is_typed(self):
            # Slower by far, and says which field is wrong and what it must be.
            check_fields(self)
        end_to_end_id_minute(self.end_to_end_id)
        check_instant(self.occurred_at, field="occurred_at")
        check_centavos(self.amount_centavos)
        if self.payer_ispb is not None:
            check_ispb(self.payer_ispb, field="payer_ispb")
        if self.payee_ispb is not None:
            check_ispb(self.payee_ispb, field="payee_ispb")
        if self.txid is not None:
            check_txid(self.txid)
        if self.initiator_ispb is not None:
            check_ispb(self.initiator_ispb, field="initiator_ispb")
        if self.payer_account_id is None and self.payer_person_id is None:
            raise _party_missing("payer_account_id", self)
        if not (self.payee_account_id or self.payee_person_id or self.payee_key_id):
            raise _party_missing("payee_account_id", self)

    @property
    def payer_id(self) -> bytes:
        """Who pays: the account, else the person."""
        payer = self.payer_account_id or self.payer_person_id
        assert payer is not None and len(payer) == ENTITY_ID_BYTES
        return payer

    @property
    def payee_id(self) -> bytes:
        """Who is paid: the account, else the person, else the key."""
        payee = self.payee_account_id or self.payee_person_id or self.payee_key_id
        assert payee is not None and len(payee) == ENTITY_ID_BYTES
        return payee

    @property
    def pays_itself(self) -> bool:
        """Whether one account of one institution pays and is paid; a bank not named may be any."""
        account, payer_ispb, payee_ispb = self.payer_account_id, self.payer_ispb, self.payee_ispb
        return (
            account is not None
            and account == self.payee_account_id
            and (payer_ispb is None or payee_ispb is None or payer_ispb == payee_ispb)
        )

    @property
    def subject_id(self) -> bytes:
        """Whose stream of events this one belongs to: the payer's."""
        return self.payer_id

    @property
    def own_id(self) -> str:
        """The rail's own id."""
        return self.end_to_end_id


def check_two_accounts(transfer: Transfer) -> None:
    """Nothing, unless a transfer leaves no account: asked of what comes in, not of what was kept.

    One account number of two institutions is two accounts.

    Raises:
        Refused: PAYEE_IS_PAYER.
    """
    if transfer.pays_itself:
        raise invalid(
            Code.PAYEE_IS_PAYER,
            field="payee_account_id",
            expected="another account than the payer's, or one of another institution",
            found="the payer's account",
        )


def _is_typed(each: Transfer) -> bool:
    """Whether every field is of its type, and every pseudonym has its length."""
    return (
        type(each.end_to_end_id) is str
        and type(each.occurred_at) is int
        and ((i := each.payer_account_id) is None or (type(i) is bytes and len(i) == _ID))
        and ((i := each.payee_account_id) is None or (type(i) is bytes and len(i) == _ID))
        and ((i := each.payer_person_id) is None or (type(i) is bytes and len(i) == _ID))
        and ((i := each.payee_person_id) is None or (type(i) is bytes and len(i) == _ID))
        and ((i := each.payee_key_id) is None or (type(i) is bytes and len(i) == _ID))
        and ((i := each.device_id) is None or (type(i) is bytes and len(i) == _ID))
        and type(each.payer_ispb) in _TEXT
        and type(each.payee_ispb) in _TEXT
        and type(each.initiation) in _INITIATION
        and type(each.purpose) in _PURPOSE
        and type(each.service_level) in _SERVICE_LEVEL
        and type(each.txid) in _TEXT
        and type(each.initiator_ispb) in _TEXT
        and type(each.payer_segment) in _SEGMENT
        and type(each.payee_segment) in _SEGMENT
    )


def _party_missing(field: str, transfer: Transfer) -> Exception:
    return invalid(
        Code.FIELD_MISSING,
        field=field,
        expected="an account, a person or (payee only) a key",
        found=None,
        hint=f"Transfer {transfer.end_to_end_id} names nobody in this role.",
    )
