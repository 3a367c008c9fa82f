"""Finds what lies one a file in a folder: a new file is in the world by existing."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

from crivo.domain.errors import Code, Misconfigured

Found = TypeVar("Found")


def one_a_file(package: ModuleType, attribute: str, kind: type[Found]) -> tuple[Found, ...]:
    """The attribute of each module of the package, in the order of the module names.

    Raises:
        Misconfigured: DEFINITION_INVALID where a module does not declare it.
    """
    found = []
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        name = f"{package.__name__}.{module.name}"
        declared = getattr(importlib.import_module(name), attribute, None)
        if not isinstance(declared, kind):
            raise Misconfigured(
                Code.DEFINITION_INVALID,
                f"{name} must declare {attribute}, a {kind.__name__}",
                hint="See the other files of that folder.",
                field=attribute,
                expected=kind.__name__,
                found=type(declared).__name__,
            )
        found.append(declared)
    return tuple(found)
