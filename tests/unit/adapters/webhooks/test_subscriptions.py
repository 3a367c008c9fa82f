"""The file of subscriptions: what it may hold, and what each fault is called."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from crivo.adapters.webhooks.subscriptions import SUBSCRIPTIONS_MAX, read_subscriptions
from crivo.domain.errors import Code, Misconfigured
from crivo.flows.webhook_message import MessageKind

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
GOOD = """[[subscription]]
name = "cases"
url = "https://hooks.bank.example/crivo"
kinds = ["decision.held", "hold.ended"]
secret_file = "cases.secret"
"""


def write(folder: Path, text: str, *, secrets: str = SECRET + "\n", mode: int = 0o600) -> Path:
    secret = folder / "cases.secret"
    secret.write_text(secrets)
    secret.chmod(mode)
    path = folder / "webhooks.toml"
    path.write_text(text)
    return path


def test_a_subscription_says_where_what_and_under_which_secret(tmp_path):
    (found,) = read_subscriptions(write(tmp_path, GOOD + 'networks = ["10.1.0.0/16"]\n'))
    assert found.kinds == {MessageKind.DECISION_HELD, MessageKind.HOLD_ENDED}
    assert found.secrets() == [bytes(32)]
    assert [str(each) for each in found.networks] == ["10.1.0.0/16"]


def test_a_secret_is_changed_while_the_service_runs_and_both_hold_meanwhile(tmp_path):
    (found,) = read_subscriptions(write(tmp_path, GOOD))
    new = "whsec_" + base64.b64encode(b"1" * 32).decode()
    write(tmp_path, GOOD, secrets=f"{new}\n{SECRET}\n")
    assert found.secrets() == [b"1" * 32, bytes(32)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", Code.SETTING_INVALID),
        ("subscription = []", Code.SETTING_INVALID),
        ("no toml", Code.SETTING_INVALID),
        (GOOD + GOOD, Code.SETTING_INVALID),
        (GOOD + 'colour = "red"\n', Code.SETTING_INVALID),
        (GOOD.replace("cases", "Cases", 1), Code.SETTING_INVALID),
        (GOOD.replace("https", "http"), Code.SETTING_INVALID),
        (GOOD.replace("hooks.bank.example", "192.168.0.1"), Code.SETTING_INVALID),
        (GOOD.replace("decision.held", "decision.made"), Code.SETTING_INVALID),
        (GOOD.replace('"decision.held", "hold.ended"', ""), Code.SETTING_INVALID),
        (GOOD + 'networks = ["10.1.2.3/16"]\n', Code.SETTING_INVALID),
        (GOOD.replace("cases.secret", "other.secret"), Code.FILE_UNREADABLE),
        (GOOD + 'authority = "none.pem"\n', Code.FILE_UNREADABLE),
    ],
)
def test_a_file_that_cannot_be_is_refused(tmp_path, text, code):
    with pytest.raises(Misconfigured) as caught:
        read_subscriptions(write(tmp_path, text))
    assert caught.value.code is code
    assert "webhooks.md" in caught.value.hint


def test_too_many_subscriptions_are_refused(tmp_path):
    text = "".join(GOOD.replace('"cases"', f'"s{each}"') for each in range(SUBSCRIPTIONS_MAX + 1))
    with pytest.raises(Misconfigured):
        read_subscriptions(write(tmp_path, text))


@pytest.mark.parametrize(
    ("secrets", "mode", "code"),
    [
        (SECRET, 0o640, Code.FILE_UNREADABLE),
        ("", 0o600, Code.FILE_UNREADABLE),
        (f"{SECRET}\n" * 3, 0o600, Code.FILE_UNREADABLE),
        ("whsec_short", 0o600, Code.KEY_INVALID),
    ],
)
def test_a_secret_that_cannot_be_is_refused_and_not_shown(tmp_path, secrets, mode, code):
    with pytest.raises(Misconfigured) as caught:
        read_subscriptions(write(tmp_path, GOOD, secrets=secrets, mode=mode))
    assert caught.value.code is code
    assert SECRET not in str(caught.value)


def test_a_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(Misconfigured) as caught:
        read_subscriptions(tmp_path / "none.toml")
    assert caught.value.code is Code.FILE_UNREADABLE
