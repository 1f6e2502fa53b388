"""Webhooks never lead into a private network, whatever a name resolves to."""

import socket
from ipaddress import ip_network

import pytest

from notifier.models import WebhookDelivery
from notifier.webhooks.guard import fault_of, may_reach
from tests import builders
from tests.webhooks.conftest import carry, end, problems, relay_all
from tests.webhooks.receiver import respond

PRIVATE = (
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",  # the cloud's metadata
    "169.254.0.23",
    "100.64.0.1",
    "100.100.100.200",  # Alibaba Cloud's metadata
    "168.63.129.16",  # Azure's host
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001::1",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",  # AWS' metadata
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
)
PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")


@pytest.mark.parametrize("address", PRIVATE)
def test_no_private_address_is_called(address):
    assert not may_reach(address, [])


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_called(address):
    assert may_reach(address, [])


def test_a_network_that_is_named_is_called():
    allowed = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
    assert may_reach("10.1.2.3", allowed)
    assert may_reach("::ffff:10.1.2.3", allowed)
    assert may_reach("fd00::1", allowed)
    assert not may_reach("10.2.2.3", allowed)


LAN = [ip_network("10.0.0.0/8")]


@pytest.mark.parametrize(
    ("url", "allowed", "fault"),
    [
        ("https://shop.example.com/hooks?a=1", [], ""),
        ("https://8.8.8.8/hooks", [], ""),
        ("ftp://shop.example.com/", [], "no_url"),
        ("https://", [], "no_url"),
        ("https://[::1", [], "no_url"),
        ("https://shop.example.com:99999/", [], "no_url"),
        ("https://shop example.com/", [], "no_url"),
        ("https://user:password@shop.example.com/", [], "has_credentials"),
        ("https://user@shop.example.com/", [], "has_credentials"),
        ("https://shop.example.com/#a", [], "has_fragment"),
        ("https://127.0.0.1/", [], "forbidden"),
        ("https://[::ffff:169.254.169.254]/", [], "forbidden"),
        ("http://shop.example.com/", [], "not_https"),
        ("http://8.8.8.8/", LAN, "not_https"),
        ("http://10.1.2.3/", LAN, ""),
        ("http://shop.internal/", LAN, ""),  # its addresses are looked at when it is called
    ],
)
def test_an_address_is_looked_at_when_it_is_entered(url, allowed, fault):
    assert fault_of(url, allowed) == fault


def resolves_to(monkeypatch, *addresses):
    """As if a name server had said so, whatever name is asked for."""

    def getaddrinfo(_host, port, *_args, **_kwargs):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("http://shop.example.com:{port}/", ["127.0.0.1"]),
        ("http://shop.example.com:{port}/", ["8.8.8.8", "127.0.0.1"]),
        ("http://localhost:{port}/", None),
        ("http://127.1:{port}/", None),
        ("http://2130706433:{port}/", None),
        ("http://0x7f000001:{port}/", None),
        ("http://[::ffff:127.0.0.1]:{port}/", None),
    ],
)
def test_what_a_name_resolves_to_is_looked_at(
    service, ask, receiver, settings, monkeypatch, url, addresses
):
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    if addresses:
        resolves_to(monkeypatch, *addresses)
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    builders.make_endpoint(service, url=url.format(port=port))
    end(ask())
    relay_all()
    carry()
    delivery = WebhookDelivery.objects.get()
    assert problems(delivery) == ["forbidden"]
    assert receiver.requests == []


def test_a_name_that_resolves_to_an_allowed_network_is_called(
    service, ask, receiver, settings, monkeypatch
):
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    resolves_to(monkeypatch, "127.0.0.1")
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    builders.make_endpoint(service, url=f"http://shop.internal:{port}/hooks")
    end(ask())
    relay_all()
    carry()
    (posted,) = receiver.requests
    assert posted.headers["host"] == f"shop.internal:{port}"


def test_without_tls_only_a_named_network_is_called(service, ask, settings, monkeypatch):
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("10.0.0.0/8")]
    resolves_to(monkeypatch, "8.8.8.8")
    builders.make_endpoint(service, url="http://shop.example.com/")
    end(ask())
    relay_all()
    carry()
    assert problems(WebhookDelivery.objects.get()) == ["not_https"]


def test_a_redirect_is_not_followed(endpoint, ask, receiver):
    to = receiver.url.replace("/hooks", "/inner")
    receiver.usual = lambda handler: respond(handler, 302, Location=to)
    end(ask())
    relay_all()
    carry()
    delivery = WebhookDelivery.objects.get()
    assert problems(delivery) == ["redirect"]
    assert [one.path for one in receiver.requests] == ["/hooks"]


def test_no_proxy_of_the_environment_is_asked(endpoint, ask, receiver, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    end(ask())
    relay_all()
    carry()
    assert len(receiver.requests) == 1
