"""What a training leaves out, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: By the name of the cause in documents; rows that could not be read have a code of their own.
WORDS: Final = {
    "immature": "so young that their labels may still be under way",
    "returns": "returns, which are never scored",
    "behind": "that came later than their account's next ones",
    "labels_later": "labels, known only later than the log's clock: their rows count as honest",
    "not_drawn": "that the sample of unreported ones passed over",
}


def left_out_text(counts: Mapping[str, int]) -> str:
    """How many were left out, and why; causes of nobody are not named.

    >>> left_out_text({"immature": 1200, "behind": 0})
    '1,200 so young that their labels may still be under way'
    """
    said = [f"{count:,} {WORDS.get(cause, cause)}" for cause, count in counts.items() if count]
    return "; ".join(said) or "none"
