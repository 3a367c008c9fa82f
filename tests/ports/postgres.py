"""A PostgreSQL of the tests' own: made in a folder, reached by its socket, gone at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Where Debian keeps the programs of a server, which lie on nobody's path.
DEBIAN = Path("/usr/lib/postgresql")
#: A server refuses to run as root.
USER = "postgres"


def find_programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`; None where there is no server on this machine."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = sorted(DEBIAN.glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextmanager
def database(programs: Path) -> Iterator[str]:
    """The address of a new database; its server stops with the block."""
    is_root = os.getuid() == 0
    prefix = ["runuser", "-u", USER, "--"] if is_root else []
    folder = Path(tempfile.mkdtemp(prefix="crivo-pg-"))  # short: a socket's path has a limit
    if is_root:
        shutil.chown(folder, USER, USER)

    def run(program: str, *arguments: str) -> None:
        command = [*prefix, str(programs / program), "-D", str(folder / "data"), *arguments]
        with (folder.parent / f"{folder.name}.txt").open("ab") as said:
            subprocess.run(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=True
            )

    try:
        run("initdb", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=40"
        run("pg_ctl", "-w", "-o", options, "start")
        try:
            yield f"postgresql://{USER}@/{USER}?host={folder}"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
        (folder.parent / f"{folder.name}.txt").unlink(missing_ok=True)
