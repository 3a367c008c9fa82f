"""A mapping of the checkout is found by its name from any folder, and one's own goes before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from crivo.bootstrap.offline import read_mapping
from crivo.domain.errors import Code, Refused
from tests.conftest import ROOT

PAYSIM = Path("mappings/paysim.toml")


def test_a_mapping_of_the_checkout_is_found_from_anywhere_unless_there_is_one_here(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shipped = read_mapping(PAYSIM)
    assert shipped == read_mapping(ROOT / PAYSIM)
    PAYSIM.parent.mkdir()
    PAYSIM.write_text((ROOT / "mappings" / "handbook.toml").read_text())
    assert read_mapping(PAYSIM) != shipped


@pytest.mark.parametrize("name", ["mappings/none.toml", "paysim.toml"])
def test_a_mapping_that_is_nowhere_is_refused_by_its_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refused) as refused:
        read_mapping(Path(name))
    assert refused.value.code is Code.FILE_UNREADABLE and name in str(refused.value)
