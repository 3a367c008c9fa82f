"""`crivo simulate` as it is typed: folders that are named and apart, bounds that its help tells."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from crivo.adapters.world_files.layout import Compression, WorldFormat
from crivo.adapters.world_files.writer import TableSet
from crivo.cli import world_options
from crivo.cli.simulate_folders import check_apart, parse_folder
from crivo.domain.errors import Code, Refused
from crivo.simulator import typologies
from crivo.simulator.adversary import Mode
from crivo.simulator.catalogue import one_a_file
from crivo.simulator.difficulty import Difficulty
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.fault import default_faults
from crivo.simulator.options import DAYS, PAST_DAYS, SCALE, STARTS
from crivo.simulator.policy import default_policies
from crivo.simulator.sampling import ONE_IN
from crivo.simulator.typology import Kind, Typology

TYPOLOGIES = one_a_file(typologies, "TYPOLOGY", Typology)


def test_an_empty_name_is_refused_and_a_point_is_the_current_folder():
    with pytest.raises(Refused) as refused:
        parse_folder("", field="out")
    assert refused.value.code is Code.FIELD_VALUE
    assert "out" in str(refused.value)
    assert parse_folder(".", field="out") == Path()
    assert parse_folder(None, field="out") is None


@pytest.mark.parametrize("report", ["w", "w/", "./w", "other/../w", "w/report", "link", "link/r"])
def test_a_report_among_the_files_of_the_world_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: str
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("w")
    with pytest.raises(Refused, match="outside of w"):
        check_apart(Path("w"), Path(report))


@pytest.mark.parametrize("report", ["report", "world", ".", "w/../report"])
def test_a_report_beside_the_world_is_let_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: str
):
    monkeypatch.chdir(tmp_path)
    check_apart(Path("w"), Path(report))


@pytest.mark.parametrize(
    ("option", "bounds"),
    [
        (world_options.Scale, SCALE),
        (world_options.Start, STARTS),
        (world_options.WindowDays, DAYS),
        (world_options.PastDays, PAST_DAYS),
        (world_options.KeepOneIn, ONE_IN),
    ],
    ids=["scale", "start", "days", "past-days", "keep-one-in"],
)
def test_the_help_names_the_bounds_that_are_kept(option: object, bounds: tuple[object, object]):
    _, declared = get_args(option)
    assert f"{bounds[0]} to {bounds[1]}" in declared.help


@pytest.mark.parametrize(
    ("option", "choices"),
    [
        (world_options.Tables, list(TableSet)),
        (world_options.Format, list(WorldFormat)),
        (world_options.Compression, list(Compression)),
        (world_options.Difficulty, list(Difficulty)),
        (world_options.Side, list(Viewpoint)),
        (world_options.Adversary, list(Mode)),
        (world_options.AgainstPolicy, [policy.name for policy in default_policies()]),
        (world_options.Faults, [fault.name for fault in default_faults()]),
        (world_options.Scenarios, [one.code for one in TYPOLOGIES if one.kind is Kind.SCENARIO]),
    ],
)
def test_the_help_names_every_choice(option: object, choices: list[str]):
    _, declared = get_args(option)
    assert choices
    assert [choice for choice in choices if choice not in declared.help] == []
