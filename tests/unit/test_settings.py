"""The settings: what the environment may say, and that nothing else passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured
from crivo.settings import load_settings


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = load_settings({})
    assert settings.home == Path(".crivo")
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8000)
    assert settings.http.api_key_required
    assert settings.log.clock is None


def test_groups_are_reached_by_two_underscores() -> None:
    settings = load_settings(
        {"CRIVO_HTTP__PORT": "9001", "CRIVO_LOG__CLOCK": "replay", "CRIVO_HOME": "/srv/crivo"}
    )
    assert settings.http.port == 9001
    assert settings.log.clock is ClockKind.REPLAY
    assert settings.home == Path("/srv/crivo")


def test_an_override_goes_before_the_environment_and_none_overrides_nothing() -> None:
    settings = load_settings({"CRIVO_HTTP__PORT": "9001"}, http__port=9002, home=None)
    assert settings.http.port == 9002
    assert settings.home == Path(".crivo")


def test_what_others_set_is_not_ours_to_judge() -> None:
    assert load_settings({"PATH": "/bin", "CRIVO_REQUIRE": "all"}) == load_settings({})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CRIVO_HOMES", "x"),
        ("CRIVO_HTTP__PROT", "8000"),
        ("CRIVO_HTTP__PORT", "70000"),
        ("CRIVO_HTTP__PORT", "eight"),
        ("CRIVO_HTTP", "x"),
        ("CRIVO_LOG__CLOCK", "sundial"),
        ("CRIVO_HTTP__PORT__MAX", "1"),
        ("CRIVO_HTTP__API_KEY", "short"),
    ],
)
def test_an_unknown_name_or_an_impossible_value_is_refused(name: str, text: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        load_settings({name: text})
    assert caught.value.code is Code.SETTING_INVALID
    assert str(caught.value.context["field"]).startswith("CRIVO_")


def test_a_group_that_is_also_a_value_is_refused() -> None:
    for names in (("CRIVO_HTTP", "CRIVO_HTTP__PORT"), ("CRIVO_HTTP__PORT", "CRIVO_HTTP")):
        with pytest.raises(Misconfigured):
            load_settings(dict.fromkeys(names, "8000"))


def test_a_secret_is_never_shown() -> None:
    secret = "k" * 43
    settings = load_settings({"CRIVO_HTTP__API_KEY": secret})
    assert secret not in repr(settings)
    with pytest.raises(Misconfigured) as caught:
        load_settings({"CRIVO_HTTP__API_KEY": "hunter2"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("CRIVO_HTTP__PROT", "CRIVO_HTTP__PORT"), ("CRIVO_HTTP__API_KEI", "CRIVO_HTTP__API_KEY")],
)
def test_a_mistyped_name_is_told_in_our_words_with_the_name_that_was_meant(name, meant) -> None:
    with pytest.raises(Misconfigured) as caught:
        load_settings({name: "hunter2"})
    said = str(caught.value)
    assert f"{name} is no setting" in said and f"Did you mean {meant}?" in said
    assert "Extra inputs" not in said and "hunter2" not in said


def test_options_of_the_lakes_store_come_as_json_and_are_never_shown() -> None:
    told = '{"google_service_account": "/run/secrets/lake.json"}'
    found = load_settings({"CRIVO_LAKE__OPTIONS": told}).lake.options
    assert found == {"google_service_account": "/run/secrets/lake.json"}
    for wrong in ('{"key": "sesame"', '["sesame"]'):
        with pytest.raises(Misconfigured) as raised:
            load_settings({"CRIVO_LAKE__OPTIONS": wrong})
        assert raised.value.code is Code.SETTING_INVALID
        assert "CRIVO_LAKE__OPTIONS" in str(raised.value)
        assert "sesame" not in str(raised.value)
