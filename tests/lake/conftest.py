"""A log for a module's tests of the lake: of its `SEED` and `COUNT`."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.lake.lakes import Rows, contents, lake_at, log_of, log_rows, refined


@pytest.fixture(scope="module")
def log(request, tmp_path_factory):
    rows = log_rows(request.module.SEED, request.module.COUNT)
    with closing(log_of(rows, tmp_path_factory.mktemp("log") / "log.sqlite")) as found:
        yield found


@pytest.fixture(scope="module")
def rows(request, log):
    return log.stored_rows(start=0, limit=request.module.COUNT)


@pytest.fixture(scope="module")
def whole(rows, tmp_path_factory):
    """What the lake holds that took all of these rows at once."""
    return contents(refined(lake_at(tmp_path_factory.mktemp("whole")), Rows(rows)))
