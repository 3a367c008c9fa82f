"""Where each setting in force came from: for who asks why a service is set as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from crivo.settings import NESTING, PREFIX, Settings


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it is in force: its variable, its value as text, and who said so."""

    name: str
    value: str
    source: str


def sources(
    settings: Settings, environ: Mapping[str, str], *, options: Collection[str] = ()
) -> list[Setting]:
    """Every setting in the order of its declaration; `options` are those the command line gave."""
    said = {name.upper() for name in environ}
    found = []
    for path, value in _leaves(settings, ()):
        name = PREFIX + NESTING.join(path).upper()
        if NESTING.join(path) in options:
            source = "option"
        else:
            source = "environment" if name in said else "default"
        text = "not set" if value is None else str(value)
        found.append(Setting(name, text, source))
    return found


def _leaves(group: BaseModel, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    for name in type(group).model_fields:
        value = getattr(group, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value
