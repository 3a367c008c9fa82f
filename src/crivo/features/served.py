"""What has served: names of features and the hashes they served under, in `served.lock`.

A decision names the hashes that made it, and a model is worth what its inputs mean. So a name never
comes to mean something else: a definition that has served is succeeded by one of another name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from crivo.domain.errors import Code, Misconfigured
from crivo.features.spec import FeatureSet
from crivo.features.wrong import wrong

#: One line a feature: its name and its hash, sorted by name.
LOCK_FILE: Final = Path(__file__).with_name("served.lock")

_LINE: Final = re.compile(r"(?P<name>[a-z0-9_]+) (?P<hash>[0-9a-f]{64})")


def parse_lock(text: str) -> dict[str, str]:
    """The hash of each name.

    Raises:
        Misconfigured: DEFINITION_INVALID for a line that is none, or a name that comes twice.
    """
    locked: dict[str, str] = {}
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None or found["name"] in locked:
            raise wrong("served.lock", "a line `name hash` for each name, once", line)
        locked[found["name"]] = found["hash"]
    return locked


def format_lock(locked: Mapping[str, str]) -> str:
    """The text that `parse_lock` reads."""
    return "".join(f"{name} {locked[name]}\n" for name in sorted(locked))


def with_served(locked: Mapping[str, str], features: FeatureSet) -> dict[str, str]:
    """The lock with these features in it; what it held stays, whether they are declared or not.

    Raises:
        Misconfigured: DEFINITION_INVALID for a name that served under another hash.
    """
    served = dict(locked)
    for feature in features.features:
        before = served.setdefault(feature.name, feature.hash)
        if before != feature.hash:
            raise Misconfigured(
                Code.DEFINITION_INVALID,
                f"feature {feature.name} has served, and meant something else",
                hint="Restore its definition, and give the new one a name of its own.",
                field=feature.name,
                expected=before,
                found=feature.hash,
            )
    return served


def check_locked(locked: Mapping[str, str], features: FeatureSet) -> None:
    """Nothing, if every feature stands in the lock under its hash.

    Raises:
        Misconfigured: DEFINITION_INVALID for the first that does not: what is about to serve would
            not be held to its meaning afterwards.
    """
    with_served(locked, features)
    new = [feature for feature in features.features if feature.name not in locked]
    if new:
        raise Misconfigured(
            Code.DEFINITION_INVALID,
            f"{len(new)} features would serve and are not in {LOCK_FILE.name}: "
            f"{', '.join(feature.name for feature in new)}",
            hint="`crivo features lock` notes their hashes; from then on their names keep them.",
            field=new[0].name,
            expected=f"a line of {LOCK_FILE.name}",
            found=new[0].hash,
        )


def read_lock() -> dict[str, str]:
    """The hash of each name of `LOCK_FILE`.

    Raises:
        Misconfigured: as `parse_lock`.
    """
    return parse_lock(LOCK_FILE.read_text(encoding="utf-8"))
