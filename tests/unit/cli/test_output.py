"""Tables of the command line: nothing that matters is cut, on a terminal or in a pipe."""

from __future__ import annotations

import pytest

from crivo.cli import output

NAMES = ("transfer_amount_value_now", "pair_transfer_count_30d", "payee_report_rate_90d")
ROWS = [(f"model-{n}", "0.123 (0.100–0.150)", "0.456 (0.4–0.5)") for n in range(2)]


def test_a_pipe_gets_every_row_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"{name}_{name}"[:45] for name in NAMES]
    output.print_table("Wide", names, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert any(all(name in line for name in names) for line in lines)
    assert "…" not in "".join(lines)


def test_what_is_too_wide_for_a_line_of_a_file_stands_as_names_and_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = [f"{name}_{place}" for place in range(3) for name in NAMES]
    rows = [[f"{row}.{place}" for place in range(9)] for row in range(2)]
    output.print_table("Wide", names, rows)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= output.TABLE_COLUMNS_MAX
    found = [tuple(line.split()) for line in lines[1:] if line]
    assert found == [pair for row in rows for pair in zip(names, row, strict=True)]


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
