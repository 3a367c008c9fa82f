"""What is sent and answered about identities."""

from __future__ import annotations

import msgspec

from crivo.domain.phase import Phase


class RevealBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The body of `POST /v1/reveals`: whose decision, who looks, and why."""

    end_to_end_id: str
    by: str
    reason: str
    phase: Phase | None = None


class ErasureBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The body of `POST /v1/erasures`; with `override`, `by` answers for doing it early."""

    person: str
    by: str
    reason: str
    override: bool | None = None


class NamedAnswer(msgspec.Struct, frozen=True, gc=False):
    """What one party is called; all null but `erased` where nobody can read it any more."""

    erased: bool
    name: str | None = None
    tax_id: str | None = None
    key: str | None = None
    remittance: str | None = None


class RevealAnswer(msgspec.Struct, frozen=True, gc=False):
    """The identity part of a decision; null for a party of whom nothing was told."""

    end_to_end_id: str
    phase: str
    payer: NamedAnswer | None
    payee: NamedAnswer | None


class ErasedAnswer(msgspec.Struct, frozen=True, gc=False):
    """One person whose keys are gone: how many decisions hold a part, and the newest receipt."""

    erasure_id: str
    records: int
    newest_at: str | None
    within_retention: bool


class LeftAnswer(msgspec.Struct, frozen=True, gc=False):
    """Parts that share an account or person id with an erased one, and may be another's: how many
    decisions hold one, and which was received last (null: none).
    """

    records: int
    end_to_end_id: str | None
    phase: Phase | None


class ErasuresAnswer(msgspec.Struct, frozen=True, gc=False):
    """Everybody who bore the id that was sent, with their other ids; and what is left readable."""

    erasures: tuple[ErasedAnswer, ...]
    left: tuple[LeftAnswer, ...]
