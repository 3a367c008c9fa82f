"""The file of subscriptions is followed: a change counts at rest, and a fault changes nothing."""

from __future__ import annotations

import pytest

from crivo.adapters.webhooks.subscription_file import SubscriptionFile
from crivo.domain.errors import Code, Misconfigured
from tests.unit.adapters.webhooks.test_subscriptions import GOOD, write


def names(file):
    return [each.name for each in file.found]


def test_a_change_is_taken_after_one_look_at_rest(tmp_path):
    file = SubscriptionFile(write(tmp_path, GOOD))
    assert not file.look()
    write(tmp_path, GOOD + GOOD.replace('"cases"', '"audit"', 1))
    assert not file.look()
    assert names(file) == ["cases"]
    assert file.look()
    assert names(file) == ["cases", "audit"]
    assert not file.look()


def test_a_file_that_says_the_same_is_no_change(tmp_path):
    file = SubscriptionFile(write(tmp_path, GOOD))
    write(tmp_path, GOOD + "# a remark\n")
    assert not any(file.look() for _ in range(3))


@pytest.mark.parametrize("text", ["no toml", GOOD + GOOD, ""])
def test_a_faulty_file_is_told_of_once_and_leaves_what_was_found(tmp_path, text):
    file = SubscriptionFile(write(tmp_path, GOOD))
    write(tmp_path, text)
    assert not file.look()
    with pytest.raises(Misconfigured) as caught:
        file.look()
    assert caught.value.code is Code.SETTING_INVALID
    assert not file.look()
    assert names(file) == ["cases"]
    write(tmp_path, GOOD.replace('"cases"', '"audit"', 1))
    file.look()
    assert file.look()
    assert names(file) == ["audit"]


def test_a_file_that_is_gone_leaves_what_was_found(tmp_path):
    path = write(tmp_path, GOOD)
    file = SubscriptionFile(path)
    path.unlink()
    file.look()
    with pytest.raises(Misconfigured):
        file.look()
    assert names(file) == ["cases"]
