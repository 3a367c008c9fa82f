"""The script that renews the golden digests puts them where the law reads them."""

from __future__ import annotations

from scripts.golden import LAW, renewed
from tests.laws.test_simulator_same_bytes import GOLDEN


def test_digests_that_did_not_change_leave_the_law_as_it_was():
    source = LAW.read_text(encoding="utf-8")
    assert renewed(source, GOLDEN) == source


def test_sabotage_another_digest_changes_the_law():
    source = LAW.read_text(encoding="utf-8")
    other = {**GOLDEN, "usuarios.csv": "0" * 64}
    assert '"usuarios.csv": "' + "0" * 64 in renewed(source, other)
