"""A policy file of an installation: what is not there, or no text, is told before it is parsed."""

from __future__ import annotations

import pytest

from crivo.bootstrap.home import policy_text
from crivo.decision.proposal import COSTS_FILE
from crivo.domain.errors import Code, Misconfigured
from crivo.governance.gates import GATES_FILE
from crivo.settings import load_settings


@pytest.mark.parametrize("name", [COSTS_FILE, GATES_FILE])
def test_a_policy_file_that_is_no_utf_8_or_not_there_is_told_with_its_name(tmp_path, name):
    settings = load_settings({"CRIVO_POLICY": str(tmp_path)}, home=tmp_path / "home")
    for content, code, told in (
        (None, Code.FILE_UNREADABLE, "CRIVO_POLICY"),
        ("# decisão".encode("latin-1"), Code.POLICY_INVALID, "UTF-8"),
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(Misconfigured) as caught:
            policy_text(settings, name)
        assert caught.value.code is code
        assert name in caught.value.message and told in str(caught.value.hint)
    (tmp_path / name).write_bytes("# decisão".encode())
    assert policy_text(settings, name) == "# decisão"
