"""The kernel run over many rows, while other threads run Python.

A function of numba lets go of Python's lock where it is compiled so, and then around each call: a
decision, which calls for microseconds, would have to get it back each time. So who folds thousands
of rows calls the same machine code by its address, and `ctypes` lets go of the lock meanwhile.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache

from numba import types

from crivo.features.kernel import run


@lru_cache(maxsize=1)
def _native() -> Callable[..., int]:
    """What numba compiles of `run`: told where the result goes and where an error would, and the
    arguments, it answers 0.
    """
    compiled = run.get_compile_result(types.int64(types.int64))
    address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    result, error = ctypes.POINTER(ctypes.c_int64), ctypes.POINTER(ctypes.c_void_p)
    kind = ctypes.CFUNCTYPE(ctypes.c_int32, result, error, ctypes.c_int64)
    native: Callable[..., int] = kind(address)
    return native


def run_unlocked(place: int) -> int:
    """As `kernel.run`, without Python's lock."""
    code, error = ctypes.c_int64(), ctypes.c_void_p()
    status = _native()(ctypes.byref(code), ctypes.byref(error), place)
    assert status == 0, "the kernel raises nothing"
    return code.value
