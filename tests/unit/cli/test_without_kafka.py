"""Who names a log in Kafka where no client is installed reads what to install, and no traceback.

One process of its own, in which the client cannot be imported, runs all of the commands.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from crivo.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow

LOG = "kafka://127.0.0.1:1"

#: What each command is given besides `--log`.
WORDS = {
    "backtest": ["--policy", str(ROOT / "policy")],
    "decide": [],
    "erase": ["12345678909", "--by", "Ana", "--reason", "asked"],
    "features verify": [],
    "ingest": ["order.xml"],
    "lake refine": [],
    "log export": ["--to", "exported.csv"],
    "log make": [],
    "quarantine dismiss": ["table.csv", "1", "--by", "Ana"],
    "quarantine list": [],
    "quarantine replay": [],
    "quarantine show": ["table.csv", "1"],
    "receive": [],
    "replay": [],
    "reveal": ["E00000000202611281200abcdefghijk", "--by", "Ana", "--reason", "asked"],
    "train": [],
}

RUN = """
import contextlib, io, json, sys
sys.modules["confluent_kafka"] = None
from crivo.cli.main import main
found = {}
for name, words in json.load(sys.stdin).items():
    sys.argv, said = ["crivo", *words], io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code
        except Exception as error:
            code = repr(error)
    found[name] = [code, said.getvalue()]
print(json.dumps(found))
"""


def commands_of_a_log(command, path=()):
    """The names of all commands that take a log in Kafka."""
    for name, each in getattr(command, "commands", {}).items():
        yield from commands_of_a_log(each, (*path, name))
    for option in command.params:
        if "--log" in option.opts and "Kafka" in (getattr(option, "help", None) or ""):
            yield " ".join(path)


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    home = str(tmp_path_factory.mktemp("home"))
    (Path(home) / "order.xml").write_text("<Document/>")
    asked = {
        name: [*name.split(), *words, "--log", LOG, "--home", home] for name, words in WORDS.items()
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        cwd=home,
    )
    return json.loads(done.stdout)


def test_every_command_that_takes_a_log_in_kafka_is_among_them():
    assert set(commands_of_a_log(typer.main.get_command(app))) == set(WORDS)


@pytest.mark.parametrize("name", WORDS)
def test_a_command_without_its_client_says_what_to_install(said, name):
    code, words = said[name]
    assert code == 2, (code, words)
    assert "SETTING_INVALID" in words and "make extra NAME=kafka" in words, words


@pytest.mark.parametrize("name", ["pyspark", "confluent_kafka"])
def test_a_decision_by_spark_without_its_extra_says_what_to_install(name, tmp_path):
    without = f"import sys; sys.modules[{name!r}] = None; from crivo.cli.main import main; main()"
    words = ["decide", "--spark", "local[2]", "--log", LOG, "--home", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", without, *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert "SETTING_INVALID" in done.stderr and "make extra NAME=spark" in done.stderr
