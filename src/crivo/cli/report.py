"""The commands of reports: `crivo report decision|review`."""

from __future__ import annotations

import os
from pathlib import Path

from crivo.cli.output import print_facts, print_json, print_table, write_page
from crivo.domain.errors import Code, invalid
from crivo.domain.phase import Phase


def run_report(
    end_to_end_id: str, *, home: Path | None, side: str | None, phase: Phase, html: Path | None,
    as_json: bool, is_pack: bool,
) -> None:  # fmt: skip
    """`crivo report decision` and `crivo report review`; `side` None: whom the phase is about.

    Raises:
        Refused: NOT_FOUND, FIELD_VALUE for the side. Unavailable: FILE_UNWRITABLE.
    """
    from crivo.bootstrap.reporting import decision_report
    from crivo.decision.reason_texts import AUDIENCES, Audience
    from crivo.governance import decision_report as pages
    from crivo.settings import load_settings

    audiences = {each.name.lower(): each for each in Audience}
    if side is not None and side not in audiences:
        expected = " or ".join(audiences)
        raise invalid(Code.FIELD_VALUE, field="--side", expected=expected, found=side)
    settings = load_settings(os.environ, home=home)
    audience = AUDIENCES[phase] if side is None else audiences[side]
    report = decision_report(settings, end_to_end_id, audience=audience, phase=phase)
    if html is not None:
        page = pages.review_pack_html(report) if is_pack else pages.report_html(report)
        write_page(html, page)
    document = pages.review_pack_json(report) if is_pack else pages.report_json(report)
    if as_json:
        print_json(document)
        return
    plain = {name: value for name, value in document.items() if not isinstance(value, list | tuple)}
    print_facts("Review pack" if is_pack else "Decision", plain)
    rows = [(each.code, each.public_pt, each.public_en) for each in report.reasons]
    print_table("Reasons", ("code", "texto", "text"), rows)
