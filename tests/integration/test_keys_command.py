"""`crivo keys new` shows a key once, for people or as JSON; only its fingerprint stays."""

from __future__ import annotations

import json
import sys

import pytest

from crivo.adapters.http.auth import fingerprint
from crivo.adapters.http.key_file import read_keys
from crivo.bootstrap.home import Paths
from crivo.cli.main import main


@pytest.mark.parametrize(
    ("form", "role"),
    [([], "ingest"), (["--json"], "ingest"), (["--json", "--role", "auditor"], "auditor")],
)
def test_a_new_key_is_shown_once_and_kept_as_a_fingerprint(
    tmp_path, monkeypatch, capsys, form, role
):
    monkeypatch.setattr(
        sys, "argv", ["crivo", "keys", "new", "ana", "--home", str(tmp_path), *form]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in {0, None}
    shown = capsys.readouterr().out
    # A key is good in one home alone, and which of them a checkout has nobody asked.
    home = json.loads(shown)["home"] if form else "".join(shown.split())
    assert str(tmp_path.resolve()) in home
    key = json.loads(shown)["key"] if form else shown.split()[-1]
    path = Paths(tmp_path).api_keys
    assert key not in path.read_text()
    (kept,) = read_keys(path)
    assert (kept.name, kept.sha256, kept.role) == ("ana", fingerprint(key).hex(), role)


def test_a_role_that_is_none_makes_no_key(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["crivo", "keys", "new", "a", "--role", "king", "--home", str(tmp_path)]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "ingest, analyst, auditor, admin" in " ".join(capsys.readouterr().err.split())
    assert not Paths(tmp_path).api_keys.exists()
