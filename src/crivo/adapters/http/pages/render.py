"""Pages from templates: every value is escaped, every text comes from `words.py`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache, partial
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlencode

import jinja2
from fastapi import Request, Response

from crivo.adapters.http.pages.words import word
from crivo.adapters.http.problems import Problem, render
from crivo.decision.outcome import Outcome
from crivo.decision.reason_texts import Language
from crivo.domain.errors import Code, invalid
from crivo.domain.instant import BRASILIA_OFFSET, format_rfc3339
from crivo.domain.money import format_reais

HTML: Final = "text/html; charset=utf-8"

#: The pages that the head of each one leads to, by the names of their texts.
PLACES: Final = {
    "live": "/",
    "search": "/page/search",
    "reviews": "/page/reviews",
    "model": "/page/model",
    "health": "/page/health",
}

#: Digits of a number that is no whole one.
FIGURE_DIGITS: Final = 4

_PORTUGUESE: Final = str.maketrans(",.", ".,")

#: Digits of a pseudonym that a page shows.
SHOWN_DIGITS: Final = 8


def locked() -> Response:
    """The page of whoever has no open session: how one is opened (401)."""
    return Response(
        (files("crivo.adapters.http") / "static" / "locked.html").read_bytes(),
        status_code=401,
        media_type=HTML,
        headers={"cache-control": "no-store"},
    )


def language_of(request: Request) -> Language:
    """The language that a page is asked for in: Portuguese, unless `lang=en` is in the query.

    Raises:
        Refused: FIELD_VALUE for another one.
    """
    asked = request.query_params.get("lang", Language.PT)
    try:
        return Language(asked)
    except ValueError:
        raise invalid(
            Code.FIELD_VALUE, field="lang", expected=" or ".join(Language), found=asked[:80]
        ) from None


def page(
    request: Request, template: str, *, status: int = 200, language: Language, **values: Any
) -> Response:
    """A whole page, which no cache may keep."""
    text = (
        _environment()
        .get_template(template)
        .render(
            language="pt-BR" if language is Language.PT else "en",
            t=partial(word, language=language),
            to=partial(address, language=language),
            places=PLACES,
            here=request.url.path,
            other=_in_other_language(request, language),
            outcomes=[each.value for each in Outcome],
            brasilia=brasilia,
            reais=format_reais,
            percent=partial(percent, language=language),
            count=partial(count, language=language),
            figure=partial(figure, language=language),
            signed=partial(signed, language=language),
            **values,
        )
    )
    return Response(
        text, status_code=status, media_type=HTML, headers={"cache-control": "no-store"}
    )


def refused_page(request: Request, problem: Problem) -> Response:
    """The page that says why there is none, in the language that is read, if one was asked for."""
    asked = request.query_params.get("lang")
    language = Language.EN if asked == Language.EN else Language.PT
    response = page(
        request,
        "refused.html",
        status=problem.status,
        language=language,
        problem=problem,
        said=word(f"refused_{problem.status}", language),
    )
    for name, value in render(problem)[2]:
        if name not in {b"content-type", b"content-length", b"cache-control"}:
            response.headers[name.decode()] = value.decode()
    return response


def is_for_a_person(path: str) -> bool:
    """Whether a person reads the answer of a path; the live page's script reads one of them."""
    is_page = path in {"/", "/open"} or path.startswith("/page/")
    return is_page and path != "/page/decisions"


def address(path: str, query: Mapping[str, str] | None = None, *, language: Language) -> str:
    """A path of the page with its query, in the language that is read now."""
    asked = dict(query or {})
    if language is not Language.PT:
        asked["lang"] = language.value
    return f"{path}?{urlencode(asked)}" if asked else path


def brasilia(instant: int) -> str:
    """An instant on Brasília's clock, to the second: `2026-11-23 09:00:00`."""
    return format_rfc3339(instant + BRASILIA_OFFSET)[:19].replace("T", " ")


def percent(score: int | None, language: Language) -> str:
    """A score of 10⁻⁹ as a share of a hundred; a dash where nothing was scored."""
    if score is None:
        return "—"
    return f"{_spelt(f'{score / 1e7:.2f}', language)} %"


def count(number: int, language: Language) -> str:
    """A whole number with its thousands apart."""
    return _spelt(f"{number:,}", language)


def figure(value: float | None, language: Language) -> str:
    """A finite number to four digits, a whole one to all of its own, without an exponent; a dash
    for None.
    """
    if value is None:
        return "—"
    if value == round(value):
        return _spelt(f"{round(value):,}", language)
    places = max(FIGURE_DIGITS - 1 - math.floor(math.log10(abs(value))), 0)
    text = f"{value:,.{places}f}"
    return _spelt(text.rstrip("0").rstrip(".") if places else text, language)


def signed(value: float, language: Language) -> str:
    """A number with its sign, to three places."""
    return _spelt(f"{value:+.3f}", language)


def decimal_of(language: Language) -> str:
    """What stands before the decimals of a number."""
    return "," if language is Language.PT else "."


def _spelt(text: str, language: Language) -> str:
    """A number of Python's as the language writes it: in Portuguese comma and point change."""
    return text.translate(_PORTUGUESE) if language is Language.PT else text


def shortened(entity_id: bytes) -> str:
    """The start of a pseudonym: enough to tell parties on one screen apart."""
    return entity_id.hex()[:SHOWN_DIGITS]


def _in_other_language(request: Request, language: Language) -> str:
    asked = {name: value for name, value in request.query_params.items() if name != "lang"}
    other = Language.EN if language is Language.PT else Language.PT
    return address(request.url.path, asked, language=other)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("crivo.adapters.http.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
