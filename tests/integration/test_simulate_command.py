"""`crivo simulate` meets what goes wrong: wrong flags, full disks, folders that are taken."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

#: A process that is started in the background may have been told to ignore the interruption.
HEARS = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from crivo.cli.main import main
main()
"""
SMALL = ("--scale", "0.3", "--days", "3", "--past-days", "3")


def simulate(
    *flags: str, before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "crivo", "simulate", *flags],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=before,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--scale", "0"), "scale"),
        (("--scale", "many"), "scale"),
        (("--days", "0"), "days"),
        (("--days", "soon"), "--days"),
        (("--past-days", "-1"), "--past-days must be"),
        (("--seed", "-1"), "seed"),
        (("--start", "03/08/2026"), "start"),
        (("--prevalence", "0.5"), "prevalence"),
        (("--tables", "eight"), "tables"),
        (("--difficulty", "impossible"), "difficulty"),
        (("--format", "xlsx"), "format"),
        (("--compression", "rar"), "compression"),
        (("--format", "csv", "--compression", "snappy"), "compression"),
        (("--keep-one-in", "0"), "--keep-one-in must be"),
        (("--adversary", "cunning"), "adversary"),
        (("--policy", "none"), "policy"),
        (("--fault", "late"), "such as late=0.01"),
        (("--fault", "late=1e9999999"), "such as late=0.01"),
        (("--fault", "late=0.1", "--format", "parquet"), "--format must be jsonl"),
        (("--fault", "late=0.1", "--format", "csv"), "--format must be jsonl"),
        (("--fault", "late=0.1", "--compression", "gzip"), "--compression must be none"),
        (("--tables", "events", "--keep-one-in", "2"), "--keep-one-in must be"),
        (("--scenario", "T17"), "scenario"),
        (("--scenario", "T18", "--report", "r"), "scenario"),
        (("--fault", "late=0.1", "--fault", "late=0.2"), "--fault must be given once for late"),
        (("--adversary", "adaptive"), "--tables seven"),
        (("--policy", "rules"), "--tables seven"),
        (("--tables", "events", "--policy", "rules", "--report", "r"), "--report"),
    ],
)
def test_an_impossible_flag_is_refused_by_name_and_nothing_is_made(
    tmp_path: Path, flags: tuple[str, ...], named: str
):
    answer = simulate("--out", str(tmp_path / "world"), *flags)
    assert answer.returncode == 2
    assert named in answer.stderr
    assert "Traceback" not in answer.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags",
    [
        ("--tables", "seven"),
        ("--format", "csv"),
        ("--compression", "gzip"),
        ("--by-day",),
        ("--keep-one-in", "1"),
        ("--viewpoint", "rail"),
        ("--fault", "late=0.1"),
    ],
)
def test_a_report_alone_refuses_what_says_how_a_world_is_written(
    tmp_path: Path, flags: tuple[str, ...]
):
    answer = simulate("--report", str(tmp_path / "report"), *SMALL, *flags)
    assert answer.returncode == 2
    assert f"{flags[0]} must be left out where no --out names a folder" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--out", ""), "out"),
        (("--out", "", "--replace"), "out"),
        (("--report", ""), "report"),
        (("--out", "w", "--report", "w"), "report"),
        (("--out", "w", "--report", "w/r"), "report"),
    ],
)
def test_a_nameless_folder_and_a_report_in_the_world_are_refused_and_nothing_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], named: str
):
    monkeypatch.chdir(tmp_path)
    answer = simulate(*flags, *SMALL)
    assert answer.returncode == 2
    assert f"--{named} must be" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("replaces", [(), ("--replace",)])
@pytest.mark.parametrize("writes", [(), ("--out", "w")])
def test_a_report_where_something_else_lies_is_refused_before_anything_is_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    writes: tuple[str, ...],
    replaces: tuple[str, ...],
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    answer = simulate("--report", "file", *writes, *SMALL, *replaces)
    assert answer.returncode == 2
    assert "is no folder" in answer.stderr
    assert "looked at" not in answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.slow
@pytest.mark.parametrize("tables", ["seven", "platform"])
def test_a_viewpoint_is_refused_where_no_side_is_told(tmp_path: Path, tables: str):
    asked = ("--out", str(tmp_path / "world"), *SMALL, "--tables", tables, "--viewpoint", "rail")
    answer = simulate(*asked)
    assert answer.returncode == 2
    assert "viewpoint" in answer.stderr
    assert "--tables events" in answer.stderr
    assert list(tmp_path.iterdir()) == []
    # The faulted stream is what one side is told, whichever tables lie beside it.
    assert simulate(*asked, "--fault", "late=0.01").returncode == 0


@pytest.mark.slow
def test_the_installed_command_refuses_as_clearly(tmp_path: Path):
    command = [str(Path(sys.executable).parent / "crivo"), "simulate", "--scale", "0"]
    answer = subprocess.run(
        [*command, "--out", str(tmp_path / "world")], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "layout",
    [
        ("--format", "csv"),
        ("--format", "csv", "--compression", "gzip"),
        ("--format", "csv", "--compression", "zstd"),
        ("--format", "jsonl", "--by-day"),
        ("--format", "parquet"),
        ("--format", "parquet", "--by-day", "--tables", "platform"),
    ],
)
def test_a_file_that_may_not_grow_is_a_clear_failure_and_leaves_nothing(
    tmp_path: Path, layout: tuple[str, ...]
):
    def small_files() -> None:
        # As on a full disk, a write answers with an error: here because the file is too large.
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    answer = simulate("--out", str(tmp_path / "world"), *SMALL, *layout, before=small_files)
    assert answer.returncode == 3
    assert "FILE_UNWRITABLE" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_faulted_stream_that_may_not_grow_leaves_no_world_either(tmp_path: Path):
    def small_files() -> None:
        # The tables of a sample fit, the faulted stream of all transfers does not.
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    flags = ("--out", str(tmp_path / "world"), *SMALL, "--tables", "platform")
    asked = (*flags, "--keep-one-in", "100", "--fault", "late=0.01")
    answer = simulate(*asked, before=small_files)
    assert answer.returncode == 3
    assert "Nothing was left" in answer.stderr
    assert list(tmp_path.iterdir()) == []
    assert simulate(*asked[:-2], before=small_files).returncode == 0


@pytest.mark.slow
def test_sabotage_without_the_limit_the_same_command_writes(tmp_path: Path):
    assert simulate("--out", str(tmp_path / "world"), *SMALL).returncode == 0
    assert max(path.stat().st_size for path in (tmp_path / "world").iterdir()) > 20_000


@pytest.mark.slow
def test_a_folder_that_cannot_be_made_is_a_clear_failure(tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    answer = simulate("--out", str(tmp_path / "file" / "world"), *SMALL)
    assert answer.returncode == 2
    assert "FILE_UNWRITABLE" in answer.stderr
    assert f"{tmp_path / 'file'} is no folder" in answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.slow
def test_a_world_that_is_too_small_for_a_fraud_says_so_and_another_does_not(tmp_path: Path):
    said = "No transfer of this world is a fraud"
    tiny = simulate("--out", str(tmp_path / "tiny"), *SMALL, "--prevalence", "natural")
    assert (tiny.returncode, said in tiny.stderr) == (0, True)
    assert (tmp_path / "tiny" / "world.json").is_file()
    usual = simulate("--out", str(tmp_path / "usual"), *SMALL)
    assert (usual.returncode, said in usual.stderr) == (0, False)
    honest = simulate("--out", str(tmp_path / "honest"), *SMALL, "--prevalence", "0")
    assert (honest.returncode, said in honest.stderr) == (0, False)


@pytest.mark.slow
def test_a_world_is_replaced_only_when_asked_and_anything_else_never(tmp_path: Path):
    out = tmp_path / "world"
    assert simulate("--out", str(out), *SMALL).returncode == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    again = simulate("--out", str(out), *SMALL, "--seed", "8")
    assert again.returncode == 2
    assert "--replace" in again.stderr
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert simulate("--out", str(out), *SMALL, "--seed", "8", "--replace").returncode == 0
    assert json.loads((out / "world.json").read_text())["options"]["seed"] == 8
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    assert simulate("--out", str(tmp_path / "mine"), *SMALL, "--replace").returncode == 2
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interruption_leaves_nothing_under_the_name(tmp_path: Path, how: signal.Signals):
    command = [sys.executable, "-c", HEARS, "simulate", "--scale", "30"]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "world")], stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 300
        while not list(tmp_path.glob(".world.*/*.csv")) and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(process.pid, how)
        assert process.wait(60) != 0
    finally:
        process.kill()
        process.wait()
    assert not (tmp_path / "world").exists()
    if how is not signal.SIGKILL:
        assert list(tmp_path.iterdir()) == []
    # What a killed run left beside the name is cleared by the next one.
    assert simulate("--out", str(tmp_path / "world"), *SMALL).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["world"]


@pytest.mark.slow
def test_a_scenario_happens_where_it_is_asked_for_and_nowhere_else(tmp_path: Path):
    cases = {}
    for name, asked in (("with", ("--scenario", "T18")), ("without", ())):
        assert simulate("--out", str(tmp_path / name), *SMALL, *asked).returncode == 0
        cases[name] = (tmp_path / name / "fraudes.csv").read_text("utf-8")
        manifest = json.loads((tmp_path / name / "world.json").read_bytes())
        assert ("T18" in manifest["typologies"]) == (name == "with")
    assert cases["with"].count("comprometimento_de_psp_ou_psti") >= 60
    assert "comprometimento_de_psp_ou_psti" not in cases["without"]


@pytest.mark.slow
def test_the_result_can_be_read_by_a_program(tmp_path: Path):
    answer = simulate("--out", str(tmp_path / "world"), *SMALL, "--json", "--keep-one-in", "5")
    found = json.loads(answer.stdout)
    assert found["rows"]["fraudes"] == 14
    assert found["rows"]["usuarios"] == 6_000
    assert set(found["sha256"]) == {f"{name}.csv" for name in found["rows"]}
