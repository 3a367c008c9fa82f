"""Rows of a table that name whose they are, and their money: what `crivo train` makes of that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from crivo.adapters.files.reader import FileReader
from crivo.bootstrap.offline import log_reader, read_mapping
from crivo.domain.errors import Code
from crivo.flows.promote import load_champion
from crivo.flows.training_rows import dataset_of_table
from crivo.model.judged import load_judged
from tests.e2e.homes import settings_of
from tests.integration.commands import Said, crivo
from tests.lookalikes import handbook, ulb, write

pytestmark = pytest.mark.slow


def cards_mapping(root: Path) -> str:
    """ULB's mapping with the card of each row, whose money must be whole centavos."""
    text = (root / "mappings" / "ulb.toml").read_text()
    assert 'unit = "reais_rounded"' in text
    return text.replace('unit = "reais_rounded"', "") + '\n[entity]\ncolumn = "card"\n'


def of_cards(rows: int, cards: int = 600) -> pa.Table:
    """ULB's look-alike, each row of one of so many cards."""
    numbers = np.random.default_rng(2).integers(0, cards, rows)
    return ulb(rows).append_column("card", pa.array([f"card {number}" for number in numbers]))


def train(capsys, tmp_path: Path, root: Path, table: pa.Table, *options: object) -> Said:
    mapping = tmp_path / "cards.toml"
    mapping.write_text(cards_mapping(root))
    path = write(table, tmp_path / "rows.parquet")
    home = ("--home", tmp_path / "home", "--allow-leak", "the test", "--json")
    return crivo(capsys, "train", "--data", path, "--mapping", mapping, *home, *options)


@pytest.mark.slow
def test_rows_with_cards_and_money_are_split_by_card_and_judged_by_money(capsys, tmp_path, root):
    said = train(
        capsys, tmp_path, root, of_cards(20_000), "--apart", "0.5", "--without-compromised"
    )
    assert said.code == 0, said.err
    made = json.loads(said.out)
    split = made["split"]
    assert (split["apart"], split["without_compromised"]) == (0.5, True)
    assert split["rows_apart"] > 5_000
    assert split["rows_compromised_test"] > 0
    for row in made["metrics"]:
        assert 0 <= row["money_recalled_at_capacity_low"] <= row["money_recalled_at_capacity"] <= 1
    # Thresholds in R$, and none that the policy of transfers could adopt.
    assert made["proposal"]["per_day"]["judged"]["saved_centavos"] > 0
    assert "review_minutes" in made["proposal"]["per_day"]["judged"]
    assert made["policy"] is None
    home = tmp_path / "home"
    champion = load_champion(home / "models")
    assert "card" not in champion.input_names
    judged = load_judged(home / "judged", champion.metadata["judged"])
    assert 1 < len(np.unique(judged.groups)) < 400
    card = (home / "cards" / f"{champion.hash}.md").read_text()
    for line in ("split apart: 0.5", "split without compromised: True", "split rows apart: "):
        assert line in card
    assert "split test start: 2013-09-0" in card


@pytest.mark.slow
def test_the_log_splits_by_payer_without_a_mapping_that_names_one(capsys, tmp_path, root):
    rows = handbook(6_000)
    place = rows.column_names.index("CUSTOMER_ID")
    many = pa.array(np.random.default_rng(1).integers(0, 3_000, 6_000))
    table = write(rows.set_column(place, "CUSTOMER_ID", many), tmp_path / "handbook.parquet")
    given = ("--data", table, "--mapping", root / "mappings" / "handbook.toml")
    said = crivo(
        capsys, "train", *given, "--home", tmp_path / "home", "--allow-leak", "the test",
        "--apart", "0.4", "--without-compromised",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "judged are 40% of payers, of whom nothing was learnt" in said.out
    assert "of payers with a fraud known before them left" in said.out


@pytest.mark.slow
def test_one_table_makes_one_model_in_every_home_whatever_its_pseudonyms_are(
    capsys, tmp_path, root
):
    rows = handbook(6_000)
    place = rows.column_names.index("CUSTOMER_ID")
    many = pa.array(np.random.default_rng(1).integers(0, 3_000, 6_000))
    table = write(rows.set_column(place, "CUSTOMER_ID", many), tmp_path / "handbook.parquet")
    given = ("--data", table, "--mapping", root / "mappings" / "handbook.toml", "--json")

    def trained(home: str, *options: str) -> dict[str, Any]:
        words = (*given, "--home", tmp_path / home, "--allow-leak", "the test", *options)
        said = crivo(capsys, "train", *words)
        assert said.code == 0, said.err
        return json.loads(said.out)

    def payer(home: str) -> str:
        log = log_reader(settings_of(tmp_path / home))
        (first,) = log.read(start=0, limit=1)
        log.close()
        return first.event.key

    for options in ((), ("--apart", "0.4")):
        one, other = (trained(home, *options) for home in ("one", "other"))
        for told in ("split", "metrics", "left_out", "leak", "proposal", "model"):
            assert one[told] == other[told], told
    assert payer("one") != payer("other")
    # Sabotage: another seed keeps other payers apart.
    another = trained("one", "--apart", "0.4", "--seed", "1")
    assert another["split"]["rows_test"] != one["split"]["rows_test"]
    assert another["model"] != one["model"]


@pytest.mark.parametrize("option", [("--apart", "0.2"), ("--without-compromised",)])
def test_rows_that_name_nobody_are_not_split_by_payer(capsys, tmp_path, root, option):
    path = write(ulb(2_000), tmp_path / "rows.parquet")
    given = ("--data", path, "--mapping", root / "mappings" / "ulb.toml")
    said = crivo(capsys, "train", *given, "--home", tmp_path / "home", *option)
    assert (said.code, Code.FIELD_MISSING in said.err) == (2, True)
    assert "entity" in said.err
    assert not list((tmp_path / "home").glob("models/*"))


@pytest.mark.parametrize("option", ["--apart", "--calibration-share"])
@pytest.mark.parametrize("share", ["0", "1", "-0.5", "nan"])
def test_a_share_that_is_none_is_refused(capsys, tmp_path, root, option, share):
    said = train(capsys, tmp_path, root, of_cards(200), option, share)
    assert (said.code, Code.FIELD_VALUE in said.err) == (2, True)
    assert option in said.err


@pytest.mark.slow
@pytest.mark.parametrize("share", [None, 0.4])
def test_so_many_of_the_rows_calibrate_and_all_of_them_teach_the_last_fit(
    capsys, tmp_path, root, share
):
    options = () if share is None else ("--calibration-share", share)
    said = train(capsys, tmp_path, root, of_cards(8_000), *options)
    assert said.code == 0, said.err
    split = json.loads(said.out)["split"]
    assert split["rows_calibration"] == pytest.approx(8_000 * (share or 0.3), rel=0.02)
    assert split["rows_last"] == split["rows_train"] + split["rows_calibration"]


def test_a_past_that_is_all_calibration_is_refused_and_nothing_is_registered(
    capsys, tmp_path, root
):
    said = train(capsys, tmp_path, root, of_cards(2_000), "--calibration-share", "0.9")
    assert (said.code, Code.DATA_TOO_SMALL in said.err) == (2, True)
    assert not list((tmp_path / "home").glob("models/*"))


def test_whose_a_row_is_and_its_money_are_read_or_the_row_is_left_out(tmp_path, root):
    table = of_cards(400)
    cards = table["card"].to_pylist()
    cards[3] = None
    money = table["Amount"].to_pylist()
    money[5], money[6] = 1.005, -1.0
    table = table.set_column(table.column_names.index("card"), "card", pa.array(cards))
    table = table.set_column(table.column_names.index("Amount"), "Amount", pa.array(money))
    mapping = tmp_path / "cards.toml"
    mapping.write_text(cards_mapping(root))
    reader = FileReader(write(table, tmp_path / "rows.parquet"))
    found = dataset_of_table(reader, read_mapping(mapping), progress=lambda *_: None)
    kept = [place for place in range(400) if place not in {3, 5, 6}]
    assert found.amounts.tolist() == [round(money[place] * 100) for place in kept]
    assert (found.left_out[Code.FIELD_MISSING], found.left_out[Code.AMOUNT_INVALID]) == (1, 2)
    by_card = {cards[place]: int(found.payers[row]) for row, place in enumerate(kept)}
    assert [by_card[cards[place]] for place in kept] == found.payers.tolist()
    assert len(set(by_card.values())) == len(by_card) > 100
