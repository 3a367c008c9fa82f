"""Publishes the schemas of events: appends to the lock and writes `docs/reference/schemas/`.

    python scripts/schemas.py

A change that events of before could not be read with is refused, by the name of its field.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from crivo.domain.errors import Misconfigured
from crivo.flows.json_schema import json_schema
from crivo.flows.published import (
    LOCK_FILE,
    declared_schemas,
    format_lock,
    parse_lock,
    with_published,
)
from crivo.flows.schemas import SCHEMAS

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "reference" / "schemas"


def documents() -> dict[str, str]:
    """The text of each file of the folder, by its name."""
    return {
        f"{schema.name}.json": json.dumps(json_schema(schema), indent=2, ensure_ascii=False) + "\n"
        for schema in SCHEMAS
    }


def main() -> int:
    """0 where all is published, 1 where a change is refused."""
    locked = parse_lock(LOCK_FILE.read_text(encoding="utf-8")) if LOCK_FILE.exists() else {}
    try:
        published = with_published(locked, declared_schemas())
    except Misconfigured as refused:
        print(refused, file=sys.stderr)
        return 1
    LOCK_FILE.write_text(format_lock(published), encoding="utf-8")
    FOLDER.mkdir(exist_ok=True)
    for name, text in documents().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(published)} schemas in {LOCK_FILE.name} and {FOLDER.name}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
