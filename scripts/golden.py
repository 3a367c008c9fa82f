"""Renews the golden digests of the small world: `python -m scripts.golden`, at the root.

For whoever changed what a world holds, and meant it; the change of the digests is then reviewed.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from tests.laws.test_simulator_same_bytes import digests

LAW: Final = Path(__file__).resolve().parent.parent / "tests/laws/test_simulator_same_bytes.py"


def renewed(source: str, found: dict[str, str]) -> str:
    """The law's source with these digests as its golden ones."""
    lines = "".join(f'    "{name}": "{digest}",\n' for name, digest in sorted(found.items()))
    golden = f"GOLDEN = {{\n{lines}}}\n"
    text, count = re.subn(r"(?ms)^GOLDEN = \{\n.*?^\}\n", golden, source)
    assert count == 1, "the law holds one GOLDEN"
    return text


def main() -> None:
    """Writes the digests into the law and says whether they changed."""
    source = LAW.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        text = renewed(source, digests(Path(folder)))
    LAW.write_text(text, encoding="utf-8")
    print("renewed" if text != source else "as they were")


if __name__ == "__main__":
    main()
