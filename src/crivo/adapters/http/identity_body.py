"""The identity part of a decision's body: who the parties are called, for the log to seal."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from crivo.domain.tax_id import parse_tax_id
from crivo.domain.transfer import Transfer
from crivo.governance.identity import Identity, Role, clear_part
from crivo.governance.pseudonym import Pseudonymiser

NAME_CHARACTERS_MAX: Final = 140
REMITTANCE_CHARACTERS_MAX: Final = 140
KEY_CHARACTERS_MAX: Final = 77

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
TaxIdText = Annotated[
    str, msgspec.Meta(min_length=11, max_length=18, description="CPF or CNPJ, with or without dots")
]
KeyText = Annotated[str, msgspec.Meta(min_length=1, max_length=KEY_CHARACTERS_MAX)]
Remittance = Annotated[str, msgspec.Meta(min_length=1, max_length=REMITTANCE_CHARACTERS_MAX)]


class PartyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What one party is called."""

    name: Name | None = None
    tax_id: TaxIdText | None = None
    key: KeyText | None = None


class IdentityBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Sealed under keys of the parties' own; read by nothing that decides."""

    payer: PartyBody | None = None
    payee: PartyBody | None = None
    remittance: Remittance | None = None


def identity_part(
    body: IdentityBody, transfer: Transfer, pseudonyms: Pseudonymiser
) -> bytes | None:
    """The part in clear, which the log seals; None where nothing is in it.

    Whose it is: the tax id's, else the person's, else the account's or key's. The text of the
    payment is its author's, the payer's.

    Raises:
        Refused: ID_INVALID for a tax id that is none.
    """
    parts = []
    if body.payer is not None or body.remittance is not None:
        named = body.payer or PartyBody()
        payer = (transfer.payer_person_id, transfer.payer_account_id)
        parts.append(_identity(Role.PAYER, named, payer, pseudonyms, body.remittance))
    if body.payee is not None:
        payee = (transfer.payee_person_id, transfer.payee_account_id, transfer.payee_key_id)
        parts.append(_identity(Role.PAYEE, body.payee, payee, pseudonyms, None))
    return clear_part(parts) if parts else None


def _identity(
    role: Role,
    named: PartyBody,
    ids: tuple[bytes | None, ...],
    pseudonyms: Pseudonymiser,
    remittance: str | None,
) -> Identity:
    person, account, *_ = ids
    subject = next(each for each in ids if each is not None)
    field = f"identity.{role.value.lower()}.tax_id"
    if named.tax_id is not None:
        subject = pseudonyms.person(parse_tax_id(named.tax_id, field=field), field=field)
    # A key may go to another owner: it is nobody's alias.
    aliases = tuple(each for each in (person, account) if each is not None and each != subject)
    return Identity(role, subject, aliases, named.name, named.tax_id, named.key, remittance)
