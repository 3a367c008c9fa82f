"""What is sent and answered about webhooks."""

from __future__ import annotations

import msgspec


class ResendBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The body of `POST /v1/webhooks/resend`: one dead delivery, or all of a subscription."""

    subscription: str
    webhook_id: str | None = None


class ResentAnswer(msgspec.Struct, frozen=True, gc=False):
    """How many dead deliveries wait again."""

    subscription: str
    resent: int


class DeliveryAnswer(msgspec.Struct, frozen=True, gc=False):
    """A delivery as it stands; `status` and `failure` are those of its last attempt."""

    subscription: str
    webhook_id: str
    seq: int
    kind: str
    state: str
    attempts: int
    made_at: str
    due_at: str | None
    ended_at: str | None
    status: int | None
    failure: str | None


class DeliveriesAnswer(msgspec.Struct, frozen=True, gc=False):
    """A page of deliveries, the newest first; `before` asks for the next one (null: the last)."""

    deliveries: tuple[DeliveryAnswer, ...]
    before: int | None
