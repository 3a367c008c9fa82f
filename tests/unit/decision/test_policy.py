"""A policy file is read whole and exactly, or it is refused with file, key and field."""

from __future__ import annotations

from datetime import date

import pytest

from crivo.decision.outcome import Outcome
from crivo.decision.policy import Band, Key, Kind, parse_policy, parse_probability
from crivo.domain.errors import Code, Misconfigured

KEYS = [Key("limit", Kind.MONEY, optional=True), Key("min", Kind.PROBABILITY)]
MIN = '[[entry]]\nkey = "min"\nvalue = "0.25"\nfrom = 2000-01-01\nnorm = "own"\n'


def limit(value: str, start: str, end: str | None = None) -> str:
    until = f"to = {end}\n" if end else ""
    return f'[[entry]]\nkey = "limit"\nvalue = {value}\nfrom = {start}\n{until}norm = "n"\n'


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


def test_the_entry_in_force_changes_on_its_first_day_and_not_before():
    text = MIN + limit('"none"', "2000-01-01", "2021-10-04") + limit('"1000.00"', "2021-10-04")
    policy = parse_policy(text, KEYS, file="decision.toml")
    assert policy.value("limit", day("2021-10-03")) is None
    assert policy.value("limit", day("2021-10-04")) == 100_000
    assert policy.value("min", day("2018-08-08")) == 250_000_000
    assert policy.starts == {day("2000-01-01"), day("2021-10-04")}


def test_the_order_of_entries_changes_no_hash_and_a_value_does():
    old, new = limit('"none"', "2000-01-01", "2021-10-04"), limit('"1000.00"', "2021-10-04")
    hashes = {
        parse_policy(text, KEYS, file="f").hash
        for text in (MIN + old + new, new + MIN + old, "# a remark\n" + old + new + MIN)
    }
    assert len(hashes) == 1
    other = MIN + old + limit('"1000.01"', "2021-10-04")
    assert parse_policy(other, KEYS, file="f").hash not in hashes


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (limit('"1.00"', "2000-01-01", "2021-01-01") + limit('"2.00"', "2021-01-02"), "from"),
        (limit('"1.00"', "2000-01-01", "2021-01-02") + limit('"2.00"', "2021-01-01"), "to"),
        (limit('"1.00"', "2000-01-01") + limit('"2.00"', "2021-01-01"), "to"),
        (limit('"1.00"', "2001-01-01"), "from"),
        (limit('"1.00"', "2000-01-01", "2030-01-01"), "to"),
        (limit('"1.00"', "2000-01-01", "1999-01-01"), "to"),
        (limit("1.00", "2000-01-01"), "value"),
        (limit("100", "2000-01-01"), "value"),
        (limit('"1.001"', "2000-01-01"), "value"),
        (limit('"-1.00"', "2000-01-01"), "value"),
        (limit('"NaN"', "2000-01-01"), "value"),
        (limit('"1.00"', '"2000-01-01"'), "from"),
        (limit('"1.00"', "2000-01-01T00:00:00Z"), "from"),
        ("", "key"),
    ],
)
def test_a_faulty_entry_is_refused_with_file_key_and_field(text, field):
    with pytest.raises(Misconfigured) as caught:
        parse_policy(MIN + text, KEYS, file="decision.toml")
    assert caught.value.code is Code.POLICY_INVALID
    context = caught.value.context
    assert (context["file"], context["key"], context["field"]) == ("decision.toml", "limit", field)


@pytest.mark.parametrize(
    "text",
    [
        "entry = 3",
        "not toml",
        "x = 1\n" + MIN,
        MIN.replace('"min"', '"unknown"'),
        MIN.replace("norm", "norn"),
        MIN.replace('norm = "own"', "norm = 3"),
        MIN.replace('norm = "own"', 'norm = ""'),
        MIN.replace('norm = "own"', 'norm = " "'),
        MIN.replace('norm = "own"\n', ""),
        MIN.replace('key = "min"\n', ""),
        'entry = ["a"]',
        MIN.replace('"0.25"', '"none"'),
        MIN.replace('"0.25"', '"1.1"'),
        MIN.replace('"0.25"', '"0.0000000001"'),
    ],
)
def test_a_faulty_file_is_refused(text):
    with pytest.raises(Misconfigured) as caught:
        parse_policy(text, KEYS[1:], file="decision.toml")
    assert caught.value.code is Code.POLICY_INVALID


def test_all_keys_without_an_entry_are_named_at_once():
    with pytest.raises(Misconfigured) as caught:
        parse_policy(MIN, [*KEYS, Key("other", Kind.COUNT)], file="decision.toml")
    assert "limit" in caught.value.message and "other" in caught.value.message
    assert str(caught.value).count(caught.value.hint) == 1
    assert caught.value.context["key"] in {"limit", "other"}


@pytest.mark.parametrize("norm", ['norm = ""', 'norm = "\\t "', "norm = 3", ""])
def test_an_entry_that_says_not_who_asks_for_it_is_refused_by_its_norm(norm):
    with pytest.raises(Misconfigured) as caught:
        parse_policy(MIN.replace('norm = "own"', norm), KEYS[:1], file="decision.toml")
    assert caught.value.context["field"] == "norm"


DEEP = "[" * 5_000
COUNT = '[[entry]]\nkey = "count"\nvalue = {}\nfrom = 2000-01-01\nnorm = "own"\n'
NUMBER = COUNT.replace("count", "number").replace("{}", '"{}"')


@pytest.mark.parametrize(
    "text",
    [
        COUNT.format("1" + "0" * 400),
        COUNT.format("1" * 5_001),
        COUNT.format("0x" + "f" * 5_000),
        COUNT.format("[0x" + "f" * 5_000 + "]"),
        COUNT.format(10**15 + 1),
        COUNT.format(DEEP),
        COUNT.replace('"count"', "0x" + "f" * 5_000).format(1),
        *(
            NUMBER.format(value)
            for value in ("1e400", "1e999999999", "1e-99999999", "inf", "9" * 16, "1.", "", "١")
        ),
        *(
            MIN.replace("0.25", value)
            for value in (
                "1e999999999",
                "1e-99999999",
                "0." + "3" * 38,
                "0.2500000000",
                "1.000000001",
                "-0.1",
                "NaN",
                " 0.25",
                "0.25\\n",
            )
        ),
    ],
    ids=lambda text: text[:60],
)
def test_a_number_out_of_bounds_is_refused_like_any_fault(text):
    keys = [Key("count", Kind.COUNT), Key("number", Kind.NUMBER), Key("min", Kind.PROBABILITY)]
    with pytest.raises(Misconfigured) as caught:
        parse_policy(text, keys, file="decision.toml")
    assert caught.value.code is Code.POLICY_INVALID
    assert caught.value.context["expected"] != "given", "it is the value that is refused"
    assert caught.value.context["found"]


def test_numbers_at_their_bounds_are_taken():
    keys = [Key("count", Kind.COUNT), Key("number", Kind.NUMBER)]
    text = COUNT.format(10**15) + NUMBER.format("-999999999999999.5")
    policy = parse_policy(text, keys, file="rules.toml")
    assert policy.value("count", 0) == 10**15
    assert policy.value("number", 0) == -999999999999999.5


ONE = '{up_to = "2.00", outcome = "WARN"}'
TWICE = f'[{ONE}, {ONE}, {{outcome = "HOLD"}}]'


def bands(value: str) -> object:
    text = f'[[entry]]\nkey = "b"\nvalue = {value}\nfrom = 2000-01-01\nnorm = "own"\n'
    return parse_policy(text, [Key("b", Kind.BANDS)], file="degraded.toml").value("b", 0)


def test_bands_rise_and_end_open():
    value = '[{up_to = "200.00", outcome = "WARN"}, {outcome = "HOLD"}]'
    assert bands(value) == (Band(20_000, Outcome.WARN), Band(None, Outcome.HOLD))


@pytest.mark.parametrize(
    "value",
    [
        "[]",
        '"HOLD"',
        '[{up_to = "1.00", outcome = "WARN"}]',
        '[{outcome = "WARN"}, {outcome = "HOLD"}]',
        TWICE,
        '[{up_to = 200, outcome = "WARN"}, {outcome = "HOLD"}]',
        '[{up_to = "2.00", outcome = "BLOCK"}, {outcome = "HOLD"}]',
        '[{up_to = "2.00"}, {outcome = "HOLD"}]',
        '[{outcome = "HOLD", more = 1}]',
    ],
)
def test_bands_that_leave_a_doubt_are_refused(value):
    with pytest.raises(Misconfigured):
        bands(value)


def test_a_probability_is_exact():
    assert parse_probability("0.000000001") == 1
    assert parse_probability("1") == 10**9
