"""Tables of the command line: nothing that matters is cut, on a terminal or in a pipe."""

from __future__ import annotations

import pytest

from crivo.cli import output

NAMES = ("transfer_amount_value_now", "pair_transfer_count_30d", "payee_report_rate_90d")
ROWS = [(f"model-{n}", "0.123 (0.100–0.150)", "0.456 (0.4–0.5)") for n in range(2)]


def test_a_pipe_gets_every_row_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table("Wide", [name * 9 for name in NAMES], ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert any(all(name * 9 in line for name in NAMES) for line in lines)
    assert "…" not in "".join(lines)


@pytest.mark.parametrize("columns", [30, 60, 80])
def test_a_narrow_terminal_gets_every_word_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setattr(output, "PIPED_COLUMNS", columns)
    output.print_table("Narrow", NAMES, [(f"m{n}", "0.123 (0.1–0.2)", "[x]") for n in range(2)])
    text = capsys.readouterr().out
    for word in (*NAMES, "m0", "0.123", "[x]"):
        assert word in text
    assert "…" not in text
