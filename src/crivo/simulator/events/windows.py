"""The windows of the directory: 90 days with today, 12 and 60 full months without this one."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import BRASILIA_OFFSET, DAY

WINDOWS: Final = ("d90", "m12", "m60")
D90: Final = 90
M12: Final = 12
M60: Final = 60


def date_of(instant: int) -> int:
    """The Brasília date, in days since 1970."""
    return (instant + BRASILIA_OFFSET) // DAY


def month_of(instant: int) -> int:
    """The Brasília month, in months since January 1970."""
    return int(np.datetime64(date_of(instant), "D").astype("datetime64[M]").astype(np.int64))


def date_of_month(month: int) -> int:
    """The first date of a month, in days since 1970."""
    return int(np.datetime64(month, "M").astype("datetime64[D]").astype(np.int64))


def window_dates(until: int) -> tuple[tuple[int, int], ...]:
    """First date and the date after the last of each window, as they stand before an instant."""
    today, month = date_of(until - 1), month_of(until - 1)
    ends = date_of_month(month)
    return (
        (today - D90 + 1, today + 1),
        (date_of_month(month - M12), ends),
        (date_of_month(month - M60), ends),
    )
