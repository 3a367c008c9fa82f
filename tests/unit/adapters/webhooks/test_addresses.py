"""Where webhooks may go, and where not, however the address is spelled."""

from __future__ import annotations

import asyncio
import ipaddress

import pytest
from aiohttp.resolver import ThreadedResolver

from crivo.adapters.webhooks.addresses import (
    AddressRefused,
    AllowedResolver,
    allows,
    url_fault,
)

PRIVATE = (
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1",
    "192.168.1.1", "224.0.0.1", "255.255.255.255", "::", "::1", "::ffff:10.0.0.1", "fe80::1",
    "fd00::1", "ff02::1", "64:ff9b::10.0.0.1", "2002:a00:1::1",
)  # fmt: skip


@pytest.mark.parametrize("text", PRIVATE)
def test_addresses_of_no_public_network_are_refused(text):
    assert not allows(ipaddress.ip_address(text), [])


@pytest.mark.parametrize("text", ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9", "64:ff9b::9.9.9.9"])
def test_public_addresses_are_allowed(text):
    assert allows(ipaddress.ip_address(text), [])


def test_a_network_that_is_named_is_allowed_and_no_other():
    networks = [ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/64")]
    for text, expected in (
        ("10.1.2.3", True),
        ("10.2.2.3", False),
        ("::ffff:10.1.2.3", True),
        ("fd00::5", True),
        ("fd00:0:0:1::5", False),
        ("127.0.0.1", False),
    ):
        assert allows(ipaddress.ip_address(text), networks) is expected, text


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("https://hooks.bank.example/crivo?x=1", True),
        ("https://hooks.bank.example:8443/", True),
        ("http://127.0.0.1:9/", True),
        ("http://[::1]:9/", True),
        ("http://localhost:9/", False),
        ("http://hooks.bank.example/", False),
        ("http://10.1.2.3/", False),
        ("https://10.1.2.3/", True),
        ("https://10.2.2.3/", False),
        ("https://user@hooks.bank.example/", False),
        ("https://hooks.bank.example/#part", False),
        ("https:///path", False),
        ("https://hooks.bank.example:x/", False),
        ("https://hooks.bank.example/ x", False),
        ("https://[::1", False),
        ("ftp://hooks.bank.example/", False),
        ("", False),
    ],
)
def test_the_url_of_a_subscription(url, is_good):
    networks = [ipaddress.ip_network(each) for each in ("10.1.0.0/16", "127.0.0.0/8", "::1/128")]
    assert (url_fault(url, networks) is None) is is_good


def test_plain_http_to_this_machine_is_refused_where_no_network_says_so():
    assert url_fault("http://127.0.0.1:9/", []) is not None


def test_a_name_that_leads_into_a_private_network_leads_nowhere():
    async def resolve(networks: list) -> list:
        resolver = AllowedResolver(networks)
        try:
            return await resolver.resolve("localhost", 80)
        finally:
            await resolver.close()

    with pytest.raises(AddressRefused):
        asyncio.run(resolve([]))
    here = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]
    assert asyncio.run(resolve(here))


@pytest.mark.parametrize(
    "found", [("9.9.9.9", "10.0.0.1"), ("10.0.0.1", "9.9.9.9"), ("9.9.9.9", "8.8.8.8", "::1")]
)
def test_a_name_of_which_any_address_is_private_leads_nowhere(monkeypatch, found):
    async def resolved(*_):
        return [{"host": each} for each in found]

    async def resolve(networks: list) -> list:
        resolver = AllowedResolver(networks)
        try:
            return await resolver.resolve("hooks.bank.example", 443)
        finally:
            await resolver.close()

    monkeypatch.setattr(ThreadedResolver, "resolve", resolved)
    with pytest.raises(AddressRefused):
        asyncio.run(resolve([]))
    here = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128")]
    assert [each["host"] for each in asyncio.run(resolve(here))] == list(found)
