"""ISO 20022: a payment order of the instant payment system, `pacs.008`, as a transfer to decide.

The order comes as its institution sends it to the system (catalogue of messages of the SPI): an
`Envelope` with a header and a `Document`, in one namespace that names the version. What a decision
reads is taken, and what the parties are called is sealed as it is of a JSON body; the rest, such as
the signature, is passed over and kept nowhere. No document type and no entity is read, so nothing
in it can grow or lead elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final, TypeVar
from xml.etree.ElementTree import Element, ParseError
from xml.parsers.expat import ErrorString
from xml.parsers.expat.errors import XML_ERROR_NO_ELEMENTS, codes

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from crivo.adapters.http.identity_body import (
    KEY_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    REMITTANCE_CHARACTERS_MAX,
    IdentityBody,
    PartyBody,
    identity_part,
)
from crivo.domain.account import CustomerSegment
from crivo.domain.errors import Code, Refused, invalid
from crivo.domain.instant import parse_rfc3339
from crivo.domain.money import parse_centavos
from crivo.domain.tax_id import parse_tax_id
from crivo.domain.transfer import Initiation, Purpose, ServiceLevel, Transfer
from crivo.governance.pseudonym import ID_CHARACTERS_MAX, Pseudonymiser

#: The versions that are read: the elements that are taken did not change between them.
VERSIONS: Final = ("1.13", "1.14", "1.15", "1.16")

_NAMESPACE: Final = "https://www.bcb.gov.br/pi/pacs.008/"
_ROOT: Final = re.compile(r"\{(?P<space>[^}]*)\}Envelope")
_ORDER: Final = "Document/FIToFICstmrCdtTrf"
_AMOUNT: Final = re.compile(r"\d{1,15}\.\d{2}", re.ASCII)
_TAX_ID: Final = re.compile(r"[0-9A-Z]{11}|[0-9A-Z]{14}", re.ASCII)
_NAMED_ID: Final = re.compile(rb"<(?:\w+:)?EndToEndId>\s*([0-9A-Za-z]{32})\s*</", re.ASCII)
_CPF_CHARACTERS: Final = 11
_ISPB_CHARACTERS: Final = 8
_BRANCH_CHARACTERS: Final = 4

#: What expat says where the document ends before its root does.
_NO_END: Final = codes[XML_ERROR_NO_ELEMENTS]
_ENDS: Final = "an end before the last element is closed"

Word = TypeVar("Word", bound=StrEnum)


def parse_pacs008(raw: bytes, pseudonyms: Pseudonymiser) -> tuple[Transfer, None, bytes | None]:
    """The transfer that the message orders and its identity part; it supplies no receipt.

    An account is `ISPB/branch/number`, the branch in four digits, and nothing between the strokes
    where there is none: the same account in a JSON body is spelled so too.

    Raises:
        Refused: BODY_MALFORMED, SCHEMA_UNKNOWN, or the first field that cannot be.
    """
    envelope, space = _envelope(raw)
    orders = _Part(_only(envelope, _ORDER, space), space, "")
    count = orders.text("GrpHdr/NbOfTxs")
    if count not in {None, "1"}:
        raise invalid(Code.FIELD_VALUE, field="GrpHdr/NbOfTxs", expected="1", found=count)
    order = orders.part("CdtTrfTxInf")
    payer_ispb = order.text("DbtrAgt/FinInstnId/ClrSysMmbId/MmbId")
    payee_ispb = order.text("CdtrAgt/FinInstnId/ClrSysMmbId/MmbId")
    payer, payee = order.account("DbtrAcct", payer_ispb), order.account("CdtrAcct", payee_ispb)
    key = order.text("CdtrAcct/Prxy/Id")
    payer_person, payee_person = order.tax_id("Dbtr"), order.tax_id("Cdtr")
    initiator = order.tax_id("InitgPty")
    place = order.place
    transfer = Transfer(
        end_to_end_id=order.needed("PmtId/EndToEndId"),
        occurred_at=parse_rfc3339(order.needed("AccptncDtTm"), field=f"{place}AccptncDtTm"),
        amount_centavos=order.amount(),
        payer_account_id=_pseudonym(pseudonyms.account, payer, f"{place}DbtrAcct"),
        payee_account_id=_pseudonym(pseudonyms.account, payee, f"{place}CdtrAcct"),
        payer_person_id=_pseudonym(pseudonyms.person, payer_person, f"{place}Dbtr"),
        payee_person_id=_pseudonym(pseudonyms.person, payee_person, f"{place}Cdtr"),
        payee_key_id=_pseudonym(pseudonyms.key, key, f"{place}CdtrAcct/Prxy/Id"),
        payer_ispb=payer_ispb,
        payee_ispb=payee_ispb,
        initiation=order.word("MndtRltdInf/Tp/LclInstrm/Prtry", Initiation),
        purpose=order.word("Purp/Cd", Purpose),
        service_level=orders.word("GrpHdr/PmtTpInf/SvcLvl/Prtry", ServiceLevel),
        txid=order.text("PmtId/TxId"),
        initiator_ispb=None if initiator is None else initiator[:_ISPB_CHARACTERS],
        payer_segment=_segment(payer_person),
        payee_segment=_segment(payee_person),
    )
    return transfer, None, identity_part(_identity(order), transfer, pseudonyms)


def named_id(raw: bytes) -> str | None:
    """The EndToEndId that a message names, though it be no order and no XML.

    None where it names none, or several.
    """
    found = set(_NAMED_ID.findall(raw))
    return found.pop().decode() if len(found) == 1 else None


def _identity(order: _Part) -> IdentityBody:
    """What the parties are called; the payee has no name in such an order."""
    return IdentityBody(
        payer=PartyBody(
            name=order.text("Dbtr/Nm", characters_max=NAME_CHARACTERS_MAX),
            tax_id=order.judged_tax_id("Dbtr"),
        ),
        payee=PartyBody(
            tax_id=order.judged_tax_id("Cdtr"),
            key=order.text("CdtrAcct/Prxy/Id", characters_max=KEY_CHARACTERS_MAX),
        ),
        remittance=order.text("RmtInf/Ustrd", characters_max=REMITTANCE_CHARACTERS_MAX),
    )


def _segment(tax_id: str | None) -> CustomerSegment | None:
    """Who has a CPF is a natural person; who has a CNPJ may be an MEI, too, so nobody can say."""
    is_person = tax_id is not None and len(tax_id) == _CPF_CHARACTERS
    return CustomerSegment.NATURAL_PERSON if is_person else None


def _pseudonym(make: Callable[..., bytes], raw: str | None, field: str) -> bytes | None:
    return None if raw is None else make(raw, field=field)


def _envelope(raw: bytes) -> tuple[Element, str]:
    """The root, and its namespace."""
    parser = DefusedXMLParser(
        encoding="utf-8", forbid_dtd=True, forbid_entities=True, forbid_external=True
    )
    try:
        # Decoded here: a document may not choose its own encoding.
        parser.feed(raw.decode())
        root: Element = parser.close()
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise Refused(
            Code.BODY_MALFORMED,
            "the body is no XML document in UTF-8 without a document type",
            field="body",
            expected="one XML document in UTF-8, without a document type or entities",
            found=_fault(error, raw),
        ) from None
    found = _ROOT.fullmatch(root.tag)
    space = "" if found is None else found["space"]
    if not space.startswith(_NAMESPACE) or space.removeprefix(_NAMESPACE) not in VERSIONS:
        raise invalid(
            Code.SCHEMA_UNKNOWN,
            field="Envelope",
            expected=f"an Envelope in {_NAMESPACE} of version {', '.join(VERSIONS)}",
            found=root.tag,
        )
    return root, space


def _fault(error: Exception, raw: bytes) -> str:
    """What of the body is no such document, and at which line and column, both from one."""
    match error:
        case ParseError(code=code, position=(line, column)):
            what = "nothing" if not raw.strip() else _ENDS if code == _NO_END else ErrorString(code)
            return f"{what} at line {line}, column {column + 1}"
        case UnicodeDecodeError(start=start):
            before = raw[:start].decode().split("\n")
            return f"a byte that is no UTF-8 at line {len(before)}, column {len(before[-1]) + 1}"
        case _:
            return "a document type, or an entity"


def _only(parent: Element, path: str, space: str) -> Element:
    """The one element at a path.

    Raises:
        Refused: FIELD_MISSING; BODY_MALFORMED where there are several.
    """
    found = _found(parent, path, space)
    if found is None:
        raise invalid(Code.FIELD_MISSING, field=path, expected="an element", found=None)
    return found


def _found(parent: Element, path: str, space: str) -> Element | None:
    at: Element | None = parent
    for name in path.split("/"):
        assert at is not None
        children = at.findall(f"{{{space}}}{name}")
        if len(children) > 1:
            raise invalid(
                Code.BODY_MALFORMED,
                field=path,
                expected="each element at most once",
                found=f"{len(children)} of {name}",
            )
        if not children:
            return None
        at = children[0]
    return at


class _Part:
    """An element whose parts are asked for by path; `place` leads to it from the order."""

    def __init__(self, element: Element, space: str, place: str) -> None:
        self._element = element
        self._space = space
        self.place: Final = place

    def part(self, path: str) -> _Part:
        """The one part at a path."""
        return _Part(_only(self._element, path, self._space), self._space, f"{path}/")

    def text(self, path: str, *, characters_max: int = ID_CHARACTERS_MAX) -> str | None:
        """The text of an element; None where there is none of that name.

        Raises:
            Refused: BODY_MALFORMED where it holds elements instead; FIELD_VALUE for none.
        """
        found = _found(self._element, path, self._space)
        if found is None:
            return None
        if len(found):
            raise invalid(
                Code.BODY_MALFORMED, field=self.place + path, expected="text", found="elements"
            )
        text = found.text or ""
        if not 0 < len(text) <= characters_max:
            raise invalid(
                Code.FIELD_VALUE,
                field=self.place + path,
                expected=f"1 to {characters_max} characters",
                found=text,
            )
        return text

    def needed(self, path: str) -> str:
        """The text of an element that must be there."""
        text = self.text(path)
        if text is None:
            raise invalid(
                Code.FIELD_MISSING, field=self.place + path, expected="a value", found=None
            )
        return text

    def word(self, path: str, words: type[Word]) -> Word | None:
        """The text of an element as one of a closed list."""
        text = self.text(path)
        try:
            return None if text is None else words(text)
        except ValueError:
            raise invalid(
                Code.FIELD_VALUE,
                field=self.place + path,
                expected="one of " + ", ".join(words),
                found=text,
            ) from None

    def amount(self) -> int:
        """The amount in centavos: reais alone, with two places."""
        path = "IntrBkSttlmAmt"
        text, field = self.needed(path), self.place + path
        currency = _only(self._element, path, self._space).get("Ccy")
        if currency != "BRL":
            raise invalid(Code.FIELD_VALUE, field=f"{field}/@Ccy", expected="BRL", found=currency)
        if not _AMOUNT.fullmatch(text):
            raise invalid(
                Code.AMOUNT_INVALID,
                field=field,
                expected="a decimal with two places, such as 10.50",
                found=text,
                hint="Write reais with a point, two places and nothing between thousands.",
            )
        return parse_centavos(text, field=field)

    def account(self, path: str, ispb: str | None) -> str | None:
        """An account's one spelling; None where the message names none."""
        number, branch = self.text(f"{path}/Id/Othr/Id"), self.text(f"{path}/Id/Othr/Issr")
        if number is None:
            return None
        return f"{ispb or ''}/{branch.zfill(_BRANCH_CHARACTERS) if branch else ''}/{number}"

    def tax_id(self, path: str) -> str | None:
        """The tax id of a party, a person's or an organisation's."""
        found = self._tax_id(path)
        return None if found is None else found[1]

    def judged_tax_id(self, path: str) -> str | None:
        """As `tax_id`, once its check digits were found right."""
        found = self._tax_id(path)
        if found is None:
            return None
        field, text = found
        parse_tax_id(text, field=field)
        return text

    def _tax_id(self, path: str) -> tuple[str, str] | None:
        places = [f"{path}/Id/{kind}/Othr/Id" for kind in ("PrvtId", "OrgId")]
        found = [(place, text) for place in places if (text := self.text(place)) is not None]
        if not found:
            return None
        place, text = found[0]
        if len(found) > 1 or not _TAX_ID.fullmatch(text):
            raise invalid(
                Code.FIELD_VALUE,
                field=self.place + place,
                expected="one tax id of 11 or 14 characters",
                found=text if len(found) == 1 else "two",
            )
        return self.place + place, text
