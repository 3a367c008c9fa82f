"""What `crivo serve` says of itself while it starts, for people and for programs."""

from __future__ import annotations

import json

import pytest

from crivo.cli.serve import _say_ready

ADDRESS = "http://127.0.0.1:8000"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_service_that_is_ready_says_so_in_one_line_with_its_address(capsys, as_json):
    _say_ready(ADDRESS, as_json=as_json)
    (said,) = capsys.readouterr().out.splitlines()
    if as_json:
        assert json.loads(said) == {"ready": ADDRESS}
    else:
        assert said.startswith(f"Ready: {ADDRESS} ")
