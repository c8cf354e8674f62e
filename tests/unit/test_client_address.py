"""Whose address counts, whatever a client or a proxy writes."""

import ipaddress

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from api.http.client_address import TrustedProxies

PROXIES = TrustedProxies([ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("10.0.0.0/8")])


def key(*forwarded: str, peer: str = "127.0.0.1") -> str:
    headers = CIMultiDict([("X-Forwarded-For", line) for line in forwarded])
    return PROXIES.throttle_key(make_mocked_request("GET", "/", headers=headers).clone(remote=peer))


@pytest.mark.parametrize(
    ("forwarded", "counted"),
    [
        (["192.0.2.1"], "192.0.2.1"),
        (["198.51.100.1, 192.0.2.1"], "192.0.2.1"),
        (["192.0.2.1, 10.0.0.7"], "192.0.2.1"),
        (["192.0.2.1", "10.0.0.7"], "192.0.2.1"),
        (["198.51.100.1", "192.0.2.1"], "192.0.2.1"),
        (["192.0.2.1:4711"], "192.0.2.1"),
        (["192.0.2.1, , "], "192.0.2.1"),
        (["::ffff:192.0.2.1"], "192.0.2.1"),
        (["[::ffff:192.0.2.1]:80"], "192.0.2.1"),
        (["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        (["[2001:db8:1:2::9]:4711"], "2001:db8:1:2::/64"),
        (["2001:DB8:1:2::%eth0"], "2001:db8:1:2::/64"),
        (["unknown"], "127.0.0.1"),
        (["192.0.2.1, _hidden"], "127.0.0.1"),
        ([""], "127.0.0.1"),
        ([], "127.0.0.1"),
    ],
)
def test_a_client_is_counted_by_its_address_and_never_by_what_it_writes(forwarded: list[str], counted: str) -> None:
    assert key(*forwarded) == counted


@pytest.mark.parametrize("peer", ["192.0.2.9", "::ffff:192.0.2.9"])
def test_what_an_untrusted_peer_forwards_does_not_count(peer: str) -> None:
    assert key("198.51.100.1", peer=peer) == "192.0.2.9"


@pytest.mark.parametrize(
    ("headers", "peer", "hides_client"),
    [
        ({}, "127.0.0.1", False),
        ({"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1", False),
        ({"X-Forwarded-For": "192.0.2.1"}, "127.0.0.1", False),
        ({"X-Forwarded-For": "unknown"}, "127.0.0.1", True),
        ({"X-Forwarded-For": ""}, "127.0.0.1", True),
        ({"X-Real-IP": "192.0.2.1"}, "127.0.0.1", True),
        ({"Forwarded": "for=192.0.2.1"}, "127.0.0.1", True),
        ({"X-Forwarded-For": "127.0.0.1"}, "192.0.2.9", True),
    ],
)
def test_a_proxy_hides_its_client_when_it_is_not_trusted_or_names_no_address(
    headers: dict[str, str], peer: str, *, hides_client: bool
) -> None:
    request = make_mocked_request("GET", "/", headers=CIMultiDict(headers)).clone(remote=peer)
    assert PROXIES.hides_client(request) is hides_client
