"""What may go wrong around a demo ends with one clear line, and leaves nothing behind."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import socket
import struct
import subprocess
import sys
import termios

import pytest

from tests.conftest import ROOT
from tests.e2e.demo_pages import keep_pages

pytestmark = pytest.mark.slow

DEMO = [sys.executable, "-m", "crivo", "demo", "--ci"]

#: Switches the loopback on (SIOCSIFFLAGS, IFF_UP), then becomes the command that follows.
LOOPBACK_ALONE = """
import fcntl, os, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 1))
os.execv(sys.argv[1], sys.argv[1:])
"""


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRIVO_")}
    return {**kept, "CRIVO_POLICY": str(ROOT / "policy"), **more}


def demo(*words: object) -> subprocess.CompletedProcess[str]:
    command = [*DEMO, *map(str, words)]
    return subprocess.run(
        command, env=environment(), cwd=ROOT, capture_output=True, text=True, check=False
    )


def one_line(said: subprocess.CompletedProcess[str], code: str) -> str:
    """The only line of what was said, which names the code."""
    assert said.stdout == ""
    (line,) = said.stderr.splitlines()
    assert line.startswith(f"crivo: {code}: ") and "Hint: " in line
    return line


def test_a_port_in_use_is_told_of_before_anything_is_made(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = demo("--home", tmp_path / "home", "--port", port)
    assert said.returncode == 3
    assert str(port) in one_line(said, "PORT_TAKEN")
    assert not (tmp_path / "home").exists()


def test_a_mapping_that_names_a_missing_column_is_refused_by_its_name(tmp_path):
    table, mapping = tmp_path / "table.csv", tmp_path / "mapping.toml"
    table.write_text("when,who,whom,value\n2026-01-01T00:00:00Z,a,b,10.00\n")
    text = (ROOT / "mappings" / "paysim.toml").read_text()
    mapping.write_text(text)
    said = demo("--data", table, "--mapping", mapping, "--home", tmp_path / "home")
    assert said.returncode == 2
    assert said.stdout == "" and "Traceback" not in said.stderr
    line = said.stderr.splitlines()[-1]
    assert line.startswith("crivo: FIELD_MISSING: ") and "no column step" in line
    assert not (tmp_path / "home").exists()


def test_without_a_network_and_colours_on_a_tiny_terminal_all_of_it_is_said(
    tmp_path, require_program, browser
):
    """The loopback alone is there, as after the set-up on a machine that is cut off.

    Where the system gives no leave to make a network of one's own, all but that is tried.
    """
    unshare = [require_program("unshare"), "--map-root-user", "--net"]
    is_cut_off = subprocess.run([*unshare, "true"], check=False).returncode == 0
    alone = [*unshare, sys.executable, "-c", LOOPBACK_ALONE] if is_cut_off else []
    told, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 6, 24, 0, 0))
    process = subprocess.Popen(
        [*alone, *DEMO, "--home", str(tmp_path / "home")],
        env=environment(NO_COLOR="1", TERM="xterm", COLUMNS="24", LINES="6"),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    said = read_all(told, process)
    assert process.returncode == 0, said[-2_000:]
    # Rich moves the cursor on a terminal; what it must not do is colour.
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", said)
    assert "Traceback" not in said
    plain = " ".join(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said).split())
    for words in (
        *("conservation", "without a score", "0 byte differences", "where it lies"),
        "is served again by: crivo serve --home",
    ):
        assert words in plain, plain[-2_000:]
    # The only whole demo of the test run: its pages show a model that learnt, and what it decided.
    keep_pages(browser, tmp_path / "home")
    if not is_cut_off:
        pytest.skip("leave to make a network of one's own: tried with the machine's")


def read_all(told: int, process: subprocess.Popen[bytes]) -> str:
    """What came to the terminal until the process ended."""
    said = b""
    while True:
        ready, _, _ = select.select([told], [], [], 1.0)
        if ready:
            try:
                part = os.read(told, 65_536)
            except OSError:  # the other side was closed: Linux says so by an error
                break
            said += part
        elif process.poll() is not None:
            break
    process.wait()
    os.close(told)
    return said.decode("utf-8", "replace")
