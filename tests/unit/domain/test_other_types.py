"""Values of other types are refused as wrong texts are: by name, with what was expected."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crivo.domain.br_code import BrCode, parse_br_code
from crivo.domain.errors import Refused
from crivo.domain.identifiers import (
    check_ispb,
    check_message_id,
    check_txid,
    make_end_to_end_id,
    make_return_id,
)
from crivo.domain.pix_key import parse_pix_key
from crivo.domain.tax_id import parse_cnpj, parse_cpf, parse_tax_id

AT = 1795435200000000

DOORS: dict[str, Callable[[object], object]] = {
    "key": parse_pix_key,  # type: ignore[dict-item]
    "br_code": parse_br_code,  # type: ignore[dict-item]
    "cpf": parse_cpf,  # type: ignore[dict-item]
    "cnpj": parse_cnpj,  # type: ignore[dict-item]
    "tax_id": parse_tax_id,  # type: ignore[dict-item]
    "place": lambda value: check_ispb(value, field="place"),  # type: ignore[arg-type]
    "txid": check_txid,  # type: ignore[dict-item]
    "message_id": check_message_id,  # type: ignore[dict-item]
    "ispb": lambda value: make_end_to_end_id(value, AT, "0123456789a"),  # type: ignore[arg-type]
    "own_part": lambda value: make_return_id("00038166", AT, value),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("value", [None, 5, b"x", ["a"]], ids=["none", "int", "bytes", "list"])
@pytest.mark.parametrize("field", DOORS)
def test_a_value_of_another_type_is_refused_with_its_field(field: str, value: object):
    with pytest.raises(Refused) as refusal:
        DOORS[field](value)
    assert refusal.value.context["field"] == field
    assert refusal.value.context["expected"]
    assert refusal.value.context["found"]


@pytest.mark.parametrize("value", [11144477735, b"11144477735"], ids=["int", "bytes"])
def test_a_tax_id_of_another_type_is_not_told(value: object):
    with pytest.raises(Refused) as refusal:
        DOORS["cpf"](value)
    assert "11144477735" not in str(refusal.value)


def dynamic(**parts: str) -> BrCode:
    url = parts.pop("url", "pix.example.com/v2/1")
    return BrCode("Loja", "BELEM", url=url, txid=parts.get("txid"))


@pytest.mark.parametrize("length", [1, 25])
def test_a_dynamic_code_holds_no_id_since_its_address_tells_it(length: int):
    with pytest.raises(Refused, match="address tells it"):
        dynamic(txid="t" * length)


def test_sabotage_a_dynamic_code_without_an_id_is_taken():
    assert parse_br_code(dynamic().text()).txid is None


@pytest.mark.parametrize(
    "url", ["a b/ç", "pix.example.com/a b", "pix.example.com/ç", 'x/"', "x\\y"]
)
def test_an_address_holds_only_what_addresses_may(url: str):
    with pytest.raises(Refused) as refusal:
        dynamic(url=url)
    assert refusal.value.context["field"] == "url"


def test_an_address_may_hold_all_that_addresses_may():
    url = "pix.example.com:443/v2/~a-b_c.d%20?x=1&y=(2)#z"
    assert parse_br_code(dynamic(url=url).text()).url == url
