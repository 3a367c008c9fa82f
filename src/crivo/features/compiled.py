"""How the functions of the kernel are compiled.

numba compiles each function by itself, with a copy of all that it calls, so that a function deep
down is compiled once for each of those above it. What keeps that short: one entry (`kernel.run`)
for all who read and fold; few arguments that are written down as numbers, since each such number
makes another function; and copies into the caller where they are asked for alone.
"""

from __future__ import annotations

from typing import Any, Final

#: SHA-256 (its first 16 hex characters) of `layout.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "bb745269b480e94e"

#: Nothing here makes or keeps an array, so none counts references (`_nrt`): counting took a fifth
#: of the time. The numpy error model checks no divisor for zero. Nobody calls from C. Without a
#: word about `forceinline` a function takes it from whoever is being compiled when it is first
#: called, and with it all that it calls: 3 MB of machine code that took two minutes.
OPTIONS: Final[dict[str, Any]] = {
    "cache": True,
    "error_model": "numpy",
    "_nrt": False,
    "no_cfunc_wrapper": True,
    "forceinline": False,
}

#: The same, for what is copied into each place that calls it.
INLINED: Final[dict[str, Any]] = {**OPTIONS, "forceinline": True}
