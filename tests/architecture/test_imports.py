"""Imports: the contracts hold, importing has no effect, and the serving path stays light."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "crivo"
HEAVY = (
    "confluent_kafka",
    "jax",
    "keras",
    "lightgbm",
    "mlflow",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
)
#: What numba itself loads where it is installed: to look at its version.
NUMBAS_OWN = {"scipy"}

#: What a process that only decides imports; the command line's own start is the last.
SERVING = (
    "crivo.flows.decide",
    "crivo.flows.replay",
    "crivo.adapters.http.app",
    "crivo.bootstrap.service",
)


def module_names() -> list[str]:
    names = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        # `python -m crivo` is the act itself.
        if parts[-1] != "__main__":
            names.append(".".join(part for part in parts if part != "__init__"))
    return names


def run(*arguments: str, path: Path | None = None) -> str:
    environment = dict(os.environ)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    command = [sys.executable, *arguments]
    answer = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def effects_of(*names: str, path: Path | None = None) -> list[str]:
    return json.loads(run("tests/architecture/effects.py", *names, path=path))


def loaded_after(*names: str) -> set[str]:
    program = f"import sys, {', '.join(names)}; print(*sys.modules)"
    return {name.split(".")[0] for name in run("-c", program).split()}


def lint(config: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    command += ["--config", str(config)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_import_contracts_hold():
    answer = lint(ROOT / "pyproject.toml", ROOT)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.slow
def test_sabotage_an_import_against_the_layers_is_noticed(tmp_path):
    package = tmp_path / "sieve"
    for layer in ("inner", "outer"):
        (package / layer).mkdir(parents=True)
        (package / layer / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "inner" / "core.py").write_text("import sieve.outer\n")
    config = tmp_path / "contracts.ini"
    config.write_text(
        "[importlinter]\nroot_packages =\n    sieve\n[importlinter:contract:layers]\nname = l\n"
        "type = layers\nexhaustive = true\ncontainers =\n    sieve\n"
        "layers =\n    outer\n    inner\n"
    )
    assert lint(config, tmp_path).returncode == 1
    (package / "inner" / "core.py").write_text("x = 1\n")
    assert lint(config, tmp_path).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("domain/errors.py", "crivo.flows.ports"),
        ("adapters/sqlite/lock.py", "crivo.adapters.kafka.client"),
        ("model/calibrate.py", "fastapi"),
        ("features/window.py", "pandas"),
    ],
    ids=["the layers", "adapters never meet", "the core is offline", "deciding is light"],
)
def test_sabotage_each_contract_of_ours_notices_a_forbidden_import(
    tmp_path, request, module, imported
):
    shutil.copytree(PACKAGE, tmp_path / "crivo", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    source = tmp_path / "crivo" / module
    text = source.read_text(encoding="utf-8")
    source.write_text(text + f"\nimport {imported}\n", encoding="utf-8")
    found = lint(tmp_path / "pyproject.toml", tmp_path)
    broken = [line for line in found.stdout.splitlines() if line.endswith(" BROKEN")]
    assert f"{request.node.callspec.id} BROKEN" in broken


def test_every_core_layer_is_under_the_offline_contract():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {c["name"]: c for c in settings["tool"]["importlinter"]["contracts"]}
    core = ("audit", "decision", "domain", "features", "governance", "lake", "model", "simulator")
    present = {f"crivo.{layer}" for layer in core if (PACKAGE / layer).is_dir()}
    assert present == set(contracts["the core is offline"]["source_modules"])
    assert set(HEAVY) == set(contracts["deciding is light"]["forbidden_modules"])


@pytest.mark.slow
def test_importing_has_no_effect():
    assert effects_of(*module_names()) == []


@pytest.mark.parametrize(
    ("line", "effect"),
    [
        ("open('made', 'w').close()", "opens made for writing"),
        ("open('pyproject.toml').close()", "opens pyproject.toml for reading"),
        ("from pathlib import Path; Path('README.md').read_text()", "opens README.md for reading"),
        ("import time; time.sleep(0.001)", "time.sleep"),
        ("import sys; sys.stderr.write('hello')", "writes to stderr"),
        ("print('hello')", "writes to stdout"),
        ("import gc; gc.disable()", "changes the garbage collector"),
        ("import gc; gc.set_threshold(1)", "changes the garbage collector"),
        ("import warnings; warnings.simplefilter('ignore')", "changes the warnings"),
        ("import random; random.seed(1)", "changes the random numbers"),
        ("import numpy; numpy.random.seed(1)", "changes the random numbers"),
        ("import sys; sys.path.append('x')", "changes the interpreter"),
        ("import sys; sys.setrecursionlimit(5_000)", "changes the interpreter"),
        ("import sys; sys.excepthook = print", "changes the hooks"),
        ("import decimal; decimal.getcontext().prec = 5", "changes the decimal context"),
        (
            "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
            "changes the signals",
        ),
        ("import socket; socket.socket().close()", "socket.__new__"),
        ("import os; os.environ['MADE'] = 'yes'", "changes the environment"),
        ("import os; os.getenv('CRIVO_HOME')", "reads CRIVO_HOME from the environment"),
        ("import logging; logging.basicConfig()", "changes the root logger"),
        (
            "import threading as t; t.Thread(target=t.Event().wait, daemon=True, name='m').start()",
            "changes the threads",
        ),
    ],
)
def test_sabotage_an_effect_of_an_import_is_noticed(line, effect, tmp_path):
    (tmp_path / "meddler.py").write_text(line.replace("'made'", repr(str(tmp_path / "made"))))
    found = effects_of("meddler", path=tmp_path)
    assert any(effect.replace("made", str(tmp_path / "made")) in each for each in found), found


def test_the_serving_path_loads_nothing_heavy():
    assert loaded_after(*SERVING) & set(HEAVY) == NUMBAS_OWN


def test_sabotage_a_heavy_import_is_noticed():
    assert "pyarrow" in loaded_after("crivo.domain.money", "pyarrow")


def test_help_loads_the_command_line_alone():
    loaded = loaded_after("crivo.cli.main")
    assert loaded & {*HEAVY, "numpy", "numba", "fastapi", "uvicorn", "sqlalchemy", "apsw"} == set()
