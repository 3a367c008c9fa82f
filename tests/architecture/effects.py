"""Run as a script in a fresh process: imports modules and prints, as JSON, what that changed.

Arguments: the modules' names. Third parties are imported before the watch begins: what they do at
import is theirs. A line is `module: effect`.
"""

from __future__ import annotations

import ast
import contextlib
import decimal
import gc
import importlib
import importlib.util
import json
import logging
import os
import random
import signal
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
ACTS = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "sqlite3.",
)
CHANGES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate")


#: Asked by a third party when the first class of a kind is declared, which imports alone cannot do
#: beforehand.
OTHERS_READ = frozenset({"PYDANTIC_DISABLE_PLUGINS"})


class Watch:
    """Collects what happens while it is on."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.on = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            path, mode, flags = arguments
            # Compiled modules and kernels are kept beside their source, by Python and by numba.
            # A number is a file that is open already: its opening was seen.
            writes = bool(flags & WRITING) or any(letter in (mode or "") for letter in "wax+")
            if not isinstance(path, int) and not is_code(str(path)):
                self.seen.append(f"opens {path} for {'writing' if writes else 'reading'}")
        elif event.startswith(ACTS):
            self.seen.append(event)
        elif event in CHANGES and "__pycache__" not in str(arguments[0]):
            self.seen.append(f"{event} {arguments[0]}")


def is_code(path: str) -> bool:
    """Whether a file holds modules or kernels: to read those is what an import does."""
    return "__pycache__" in path or path.endswith((".py", ".pyc", ".so", ".pyd"))


class WatchedStream:
    """An output, with every word told to the watch."""

    def __init__(self, name: str, stream: Any, watch: Watch) -> None:
        self._name = name
        self._stream = stream
        self._watch = watch

    def write(self, text: str) -> int:
        """Tells in place of writing, while the watch is on."""
        if self._watch.on:
            self._watch.seen.append(f"writes to {self._name}")
            return len(text)
        return int(self._stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class WatchedEnvironment(os._Environ):  # type: ignore[type-arg]
    """The environment, with every read told to the watch."""

    watch: Watch

    def __getitem__(self, key: str) -> str:
        if self.watch.on and key not in OTHERS_READ:
            self.watch.seen.append(f"reads {key} from the environment")
        return super().__getitem__(key)


def state() -> dict[str, object]:
    """What an import must leave as it was."""
    return {
        "the environment": dict(os.environ),
        "the threads": {thread.name for thread in threading.enumerate()},
        "the root logger": (list(logging.root.handlers), logging.root.level),
        "the working directory": str(Path.cwd()),
        "the garbage collector": (gc.isenabled(), gc.get_threshold(), gc.get_debug()),
        "the warnings": list(warnings.filters),
        "the random numbers": (random.getstate(), _numpy_randoms()),
        "the signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "the interpreter": (sys.getrecursionlimit(), sys.getswitchinterval(), list(sys.path)),
        "the hooks": (sys.excepthook, sys.displayhook, threading.excepthook),
        "the decimal context": str(decimal.getcontext()),
    }


def _numpy_randoms() -> str:
    """The state of numpy's global generator, where numpy is there."""
    numpy = sys.modules.get("numpy")
    return "" if numpy is None else str(numpy.random.get_state())


def third_parties(names: list[str]) -> set[str]:
    """The modules from elsewhere that the sources of `names` import when they are imported."""
    found = set()
    own = {name.split(".")[0] for name in names}
    for name in names:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None, name
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module)
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {module for module in found if module.split(".")[0] not in own}


def main(names: list[str]) -> None:
    """Prints the effects of importing each module as a JSON list."""
    for module in sorted(third_parties(names)):
        # A name imported from a module need not be a module.
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    watch = Watch()
    sys.addaudithook(watch)
    WatchedEnvironment.watch = watch
    os.environ.__class__ = WatchedEnvironment
    slept = time.sleep

    def sleep(seconds: float) -> None:
        if watch.on:
            watch.seen.append("time.sleep")
        slept(seconds)

    time.sleep = sleep
    out = sys.stdout
    sys.stdout = WatchedStream("stdout", sys.stdout, watch)  # type: ignore[assignment]
    sys.stderr = WatchedStream("stderr", sys.stderr, watch)  # type: ignore[assignment]
    effects = []
    for name in names:
        before = state()
        watch.seen.clear()
        watch.on = True
        importlib.import_module(name)
        watch.on = False
        after = state()
        changed = [f"changes {what}" for what in before if before[what] != after[what]]
        effects += [f"{name}: {effect}" for effect in [*watch.seen, *changed]]
    out.write(json.dumps(effects))


if __name__ == "__main__":
    main(sys.argv[1:])
