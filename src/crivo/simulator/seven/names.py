"""Plausible Brazilian names of people and companies, and e-mail addresses made of them.

The parts are frequent given names and surnames (national census); which go together is drawn, so
that a name says nothing about a person, though somebody will bear it.
"""

from __future__ import annotations

import unicodedata
from typing import Final

import numpy as np

from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.lettering import Names, digits, joined, permuted, spread

# fmt: off
_GIVEN: Final = (
    "Maria", "José", "Ana", "João", "Antônio", "Francisco", "Francisca", "Carlos", "Paulo",
    "Adriana", "Pedro", "Juliana", "Lucas", "Márcia", "Luiz", "Fernanda", "Marcos", "Patrícia",
    "Luís", "Aline", "Gabriel", "Sandra", "Rafael", "Camila", "Daniel", "Amanda", "Marcelo",
    "Bruna", "Bruno", "Jéssica", "Eduardo", "Letícia", "Felipe", "Júlia", "Raimundo", "Luciana",
    "Rodrigo", "Vanessa", "Manoel", "Mariana", "Mateus", "Gabriela", "André", "Vera",
    "Fernando", "Vitória", "Fábio", "Larissa", "Leonardo", "Cláudia", "Gustavo", "Beatriz",
    "Guilherme", "Rita", "Leandro", "Luana", "Tiago", "Sônia", "Ricardo", "Renata", "Diego",
    "Eliane", "Sebastião", "Josefa", "Jorge", "Simone", "Anderson", "Natália", "Alexandre",
    "Cristiane", "Roberto", "Carla", "Vinícius", "Débora", "Conceição", "Rosângela", "Severino",
    "Aparecida", "Sérgio", "Rosa", "Caio", "Helena", "Davi", "Alice", "Miguel", "Laura",
    "Heitor", "Isabela", "Samuel", "Lívia",
)
_SURNAMES: Final = (
    "Silva", "Santos", "Oliveira", "Souza", "Pereira", "Ferreira", "Lima", "Alves", "Rodrigues",
    "Costa", "Gomes", "Ribeiro", "Martins", "Carvalho", "Araújo", "Barbosa", "Soares", "Lopes",
    "Nascimento", "Almeida", "Vieira", "Dias", "Fernandes", "Rocha", "Moreira", "Andrade",
    "Nunes", "Marques", "Mendes", "Freitas", "Cardoso", "Ramos", "Teixeira", "Gonçalves",
    "Batista", "Melo", "Moura", "Cavalcante", "Monteiro", "Castro", "Campos", "Pinto",
    "Correia", "Farias", "Duarte", "Azevedo", "Barros", "Machado", "Miranda", "Reis", "Borges",
    "Cunha", "Tavares", "Pires", "Sales", "Brito", "Medeiros", "Guimarães", "Queiroz", "Xavier",
    "Assis", "Macedo", "Sampaio", "Bezerra", "Fonseca", "Peixoto", "Magalhães", "Lacerda",
    "Siqueira", "Amaral", "Prado", "Leite",
)
_TRADES: Final = (
    "Padaria", "Mercado", "Farmácia", "Restaurante", "Lanchonete", "Açougue", "Oficina",
    "Papelaria", "Confecções", "Calçados", "Materiais de Construção", "Autopeças", "Salão",
    "Barbearia", "Transportes", "Distribuidora", "Comércio de Bebidas", "Tecnologia",
    "Serviços", "Imobiliária", "Pet Shop", "Academia", "Móveis", "Eletrônicos", "Variedades",
    "Hortifruti", "Gráfica", "Clínica", "Posto", "Pizzaria",
)
_FORMS: Final = ("Ltda", "ME", "Ltda ME", "EPP", "MEI", "S.A.")
# fmt: on
_FRONT: Final = 16  # bits of a draw
_DOMAIN: Final = b"@example.com"


def _plain(text: str) -> bytes:
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return letters.lower().replace(" ", "").encode()


def _column(words: tuple[str, ...]) -> Names:
    return np.asarray([word.encode() for word in words])


def _early(count: int, draw: Int64s) -> Int64s:
    """Places below `count`, early ones more often: the square of a draw of sixteen bits."""
    return draw * draw * count >> (2 * _FRONT)


def _parts(seed: int, holders: Int64s) -> tuple[Int64s, Int64s, Int64s]:
    front = spread(holders, seed ^ 0x6E6F6D65)
    back = spread(holders, seed ^ 0x736F6272)
    mask = (1 << _FRONT) - 1
    return (
        _early(len(_GIVEN), front & mask),
        _early(len(_SURNAMES), back & mask),
        _early(len(_SURNAMES), back >> _FRONT),
    )


def holder_names(seed: int, holders: Int64s, is_company: Bools) -> Names:
    """The name of each holder, in UTF-8: a person's, or a company's with its legal form."""
    people, companies = np.flatnonzero(~is_company), np.flatnonzero(is_company)
    surnames = _column(_SURNAMES)
    given, middle, last = _parts(seed, holders[people])
    persons = _spaced(_column(_GIVEN)[given], surnames[middle], surnames[last])
    more = spread(holders[companies], seed ^ 0x666F726D)
    form = _column(_FORMS)[_early(len(_FORMS), more >> _FRONT)]
    firms = np.strings.add(trade_names(seed, holders[companies]), np.strings.add(b" ", form))
    names = np.zeros(len(holders), dtype=np.promote_types(persons.dtype, firms.dtype))
    names[people], names[companies] = persons, firms
    return names


def trade_names(seed: int, companies: Int64s) -> Names:
    """The name over the door of each company: its own without the legal form."""
    _, _, last = _parts(seed, companies)
    more = spread(companies, seed ^ 0x666F726D)
    front = np.strings.add(_column(_TRADES)[more % len(_TRADES)], b" ")
    return np.strings.add(front, _column(_SURNAMES)[last])


def mail_addresses(seed: int, holders: Int64s, is_company: Bools) -> Names:
    """An address of each holder, lower-case ASCII, in a domain reserved for examples."""
    given, _, last = _parts(seed, holders)
    trades = spread(holders, seed ^ 0x666F726D) % len(_TRADES)
    first = np.where(
        is_company,
        np.asarray([_plain(word) for word in _TRADES])[trades],
        np.asarray([_plain(word) for word in _GIVEN])[given],
    )
    surname = np.asarray([_plain(word) for word in _SURNAMES])[last]
    number = joined(digits(permuted(seed + 1, holders, 10**9), 9))
    address = np.strings.add(np.strings.add(first, b"."), surname)
    return np.strings.add(np.strings.add(address, number), _DOMAIN)


def _spaced(first: Names, second: Names, third: Names) -> Names:
    pair = np.strings.add(np.strings.add(first, b" "), second)
    return np.strings.add(np.strings.add(pair, b" "), third)
