"""The gallery shows every check of the acceptance report, and holds no other plot."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import fromstring

from crivo.adapters.acceptance_report.writer import plot_name
from crivo.simulator.acceptance.finding import default_checks

DOCS = Path(__file__).resolve().parents[2] / "docs" / "explanation"
#: In bytes, of all plots together.
MOST = 300_000


def test_each_check_has_its_plot_its_heading_and_its_source():
    page = (DOCS / "gallery.md").read_text("utf-8")
    for check in default_checks():
        assert (
            f"## {check.number}. {check.name}\n\n![{check.name}](gallery/{plot_name(check)})"
            in page
        )
        assert f"{check.source} Tolerance: {check.tolerance}." in page


def test_the_plots_are_those_of_the_checks_and_of_modest_size():
    plots = sorted((DOCS / "gallery").iterdir())
    assert [plot.name for plot in plots] == [plot_name(check) for check in default_checks()]
    assert sum(plot.stat().st_size for plot in plots) < MOST
    for plot, check in zip(plots, default_checks(), strict=True):
        title = fromstring(plot.read_text("utf-8")).find("{http://www.w3.org/2000/svg}title")
        assert title is not None
        assert title.text == check.name
