"""The pages of settings, mappings and routes hold what the code has: nothing more, nothing less."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

import msgspec

from crivo.adapters.http.bodies import DecisionBody
from crivo.cli.setting_sources import sources
from crivo.flows.mapping import Mapping
from crivo.settings import Settings, load_settings
from tests.docs.markdown import ROOT


def rows(page: str) -> dict[str, str]:
    """The tables of a page: each name in the first cell, and the rest of its row."""
    found = {}
    for first, rest in re.findall(r"^\| (`[^|]+`) \| (.+) \|$", page, re.MULTILINE):
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", first), rest)
    return found


def read(name: str) -> str:
    """A page of docs/reference/."""
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def keys(section: type[msgspec.Struct], path: str = "") -> Iterator[str]:
    """Every key of a mapping file, sections spelled out."""
    for field in msgspec.structs.fields(section):
        inner = [
            kind
            for kind in (field.type, *get_args(field.type))
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
        ]
        if inner:
            yield from keys(inner[0], f"{path}{field.encode_name}.")
        else:
            yield path + field.encode_name


def test_the_page_of_settings_has_each_with_its_default():
    page = rows(read("settings.md"))
    settings = {setting.name: setting.value for setting in sources(Settings(), {})}
    assert list(page) == list(settings)
    for name, value in settings.items():
        shown = page[name].split(" | ")[0].strip("`")
        assert shown == value or (name == "CRIVO_POLICY" and value.endswith(shown)), name


def test_a_setting_says_whether_the_environment_or_an_option_made_it():
    environ = {"CRIVO_HTTP__PORT": "9001", "CRIVO_HOME": "/srv/x"}
    settings = load_settings(environ, home="/srv/y")
    found = {each.name: each.source for each in sources(settings, environ, options=("home",))}
    assert (found["CRIVO_HTTP__PORT"], found["CRIVO_HOME"]) == ("environment", "option")
    assert found["CRIVO_DATA"] == "default"


def test_the_page_of_mappings_has_each_key():
    assert sorted(rows(read("mapping.md"))) == sorted(keys(Mapping))


def test_the_page_of_routes_has_each_field_of_a_transfer():
    assert set(DecisionBody.__struct_fields__) <= set(rows(read("http.md")))


def test_sabotage_a_key_or_a_setting_without_a_row_is_noticed():
    for name, line in (("settings.md", "CRIVO_DATA"), ("mapping.md", "time.zone")):
        text = read(name)
        assert line in rows(text)
        assert line not in rows(re.sub(rf"^\| `{line}`.*\n", "", text, flags=re.MULTILINE))
