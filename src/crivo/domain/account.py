"""Accounts and their holders, in the words of the rail."""

from __future__ import annotations

from enum import StrEnum


class AccountType(StrEnum):
    """Current, savings, payment, salary (which only pays) and other accounts (pacs.008)."""

    CACC = "CACC"
    SVGS = "SVGS"
    TRAN = "TRAN"
    SLRY = "SLRY"
    OTHR = "OTHR"


class PersonType(StrEnum):
    """Whether the holder is a person or a company."""

    NATURAL_PERSON = "NATURAL_PERSON"
    LEGAL_PERSON = "LEGAL_PERSON"


class CustomerSegment(StrEnum):
    """Which limits a customer falls under: a person, an individual micro-entrepreneur (MEI, a
    company that the norms treat as its holder), any other company.
    """

    NATURAL_PERSON = "NATURAL_PERSON"
    MEI = "MEI"
    LEGAL_PERSON = "LEGAL_PERSON"
