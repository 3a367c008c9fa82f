"""Signatures of webhooks as Standard Webhooks 1.0 has them: HMAC-SHA256 under shared secrets.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from crivo.domain.errors import Code, Misconfigured

SECRET_PREFIX: Final = "whsec_"
#: Bytes of a secret, as the specification has them.
SECRET_BYTES: Final = range(24, 65)
#: While one secret replaces another, both sign.
SECRETS_MAX: Final = 2

_VERSION: Final = "v1"


def parse_secret(text: str, *, where: str) -> bytes:
    """The secret that `whsec_` and base64 stand for; its text is in no message.

    Raises:
        Misconfigured: KEY_INVALID.
    """
    body = text.removeprefix(SECRET_PREFIX)
    try:
        secret = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if body == text or len(secret) not in SECRET_BYTES:
        raise Misconfigured(
            Code.KEY_INVALID,
            f"{where} holds no secret of a webhook",
            hint="docs/reference/webhooks.md says how one is made.",
            expected=f"{SECRET_PREFIX} and 24 to 64 random bytes in base64",
            found="(hidden)",
        )
    return secret


def sign(secrets: Sequence[bytes], *, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature a secret, with blanks between.

    >>> shared = base64.b64decode("plJ3nmyCDGBKInavdOK15jsl")  # the specification's example
    >>> body = b'{"event_type":"ping","data":{"success":true}}'
    >>> sign([shared], webhook_id="msg_loFOjxBNrRLzqYUf", timestamp=1731705121, body=body)
    'v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0='
    """
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    digests = [hmac.new(each, signed, hashlib.sha256).digest() for each in secrets]
    return " ".join(f"{_VERSION},{base64.b64encode(each).decode()}" for each in digests)
