"""Signatures of webhooks: what the specification has, and what is no secret."""

from __future__ import annotations

import base64

import pytest

from crivo.domain.errors import Code, Misconfigured
from crivo.governance.webhook_signature import parse_secret, sign


def text(size: int) -> str:
    return "whsec_" + base64.b64encode(bytes(range(size))).decode()


def test_two_secrets_sign_side_by_side_and_each_part_of_a_message_counts():
    one, two = parse_secret(text(24), where="a"), parse_secret(text(64), where="b")
    both = sign([one, two], webhook_id="evt_1", timestamp=5, body=b"{}")
    alone = [sign([each], webhook_id="evt_1", timestamp=5, body=b"{}") for each in (one, two)]
    assert both.split(" ") == alone
    others = {
        sign([one], webhook_id=id_, timestamp=at, body=body)
        for id_, at, body in (("evt_2", 5, b"{}"), ("evt_1", 6, b"{}"), ("evt_1", 5, b"{ }"))
    }
    assert len(others | set(alone)) == 5


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", text(24)[6:], text(23), text(65), "whsec_" + "*" * 32, "whsec_" + "é" * 32],
)
def test_what_is_no_secret_is_refused_without_being_shown(secret):
    with pytest.raises(Misconfigured) as caught:
        parse_secret(secret, where="the file")
    assert caught.value.code is Code.KEY_INVALID
    assert not secret[6:] or secret[6:] not in str(caught.value)
