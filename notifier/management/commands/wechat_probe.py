"""manage.py wechat_probe: how each of WeChat's addresses answers from this machine."""

import asyncio
from argparse import ArgumentParser
from typing import Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from notifier.console.terminal import Terminal
from notifier.wechat.phases import PHASES
from notifier.wechat.probe import OFFICIAL, Probe, probe
from notifier.wechat.wire import Wire, origin_of
from templates_app.models import OfficialAccount
from templates_app.wechat import addresses_of

COLUMNS = ("address", "connection", "DNS", "TCP", "TLS", "first byte", "transfer", "all", "")
SHOWN = [name for name in PHASES if name != "token"]


class Command(BaseCommand):
    help = (
        "Asks WeChat's addresses without a token, and prints where the milliseconds went. Nothing "
        "is sent or counted. Exit code 1: none of them answered."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "address", nargs="*", help="such as https://api2.weixin.qq.com; else WeChat's own five"
        )
        parser.add_argument("--account", help="the addresses of the account with this short name")
        parser.add_argument("--calls", type=int, default=2, choices=range(1, 21), metavar="1-20")
        parser.add_argument("--json", action="store_true", help="for programs: JSON on stdout")

    def handle(self, *_args: Any, **options: Any) -> None:
        addresses = options["address"] or _addresses(options["account"])
        for one in addresses:
            _check(one)
        terminal = Terminal(cast(Any, self.stdout)._out, cast(Any, self.stderr)._out)
        probes = asyncio.run(_probes(addresses, options["calls"]))
        if options["json"]:
            terminal.json({"probes": [_as_json(one) for one in probes]})
        else:
            terminal.table("WeChat from here, in ms", COLUMNS, [_row(one) for one in probes])
        if all(one.problem for one in probes):
            raise SystemExit(1)


def _check(address: str) -> None:
    if not address.startswith(("https://", "http://")):
        raise CommandError(f"{address} is no address: write https://{address}")
    try:
        has_host = bool(origin_of(address).host)
    except ValueError:  # a port that is none
        has_host = False
    if not has_host:
        raise CommandError(f"{address} is no address: it is like https://api.weixin.qq.com")


def _addresses(account: str | None) -> list[str]:
    if account is None:
        usual = settings.WECHAT_API_BASE_URL
        return list(dict.fromkeys([usual, *OFFICIAL])) if usual in OFFICIAL else [usual]
    found = OfficialAccount.objects.filter(slug=account).first()
    if found is None:
        raise CommandError(
            f"There is no account {account!r}. `manage.py hongyan accounts` lists them."
        )
    return [*addresses_of(found)]


async def _probes(addresses: list[str], calls: int) -> list[Probe]:
    timeout = (settings.WECHAT_CONNECT_TIMEOUT, settings.WECHAT_READ_TIMEOUT)
    wire = Wire(timeout, settings.WECHAT_CA_FILE)
    try:
        return [one for address in addresses async for one in probe(wire, address, calls)]
    finally:
        await wire.close()


def _row(one: Probe) -> list[str]:
    spent = one.phases.spent()
    cells = [f"{spent[name] * 1000:.1f}" if name in spent else "-" for name in SHOWN]
    kind = {"reused": "kept"}.get(one.phases.connection, one.phases.connection)
    return [one.address, kind, *cells, f"{sum(spent.values()) * 1000:.1f}", one.problem or "ok"]


def _as_json(one: Probe) -> dict[str, Any]:
    spent = {name: round(ms * 1000, 3) for name, ms in one.phases.spent().items()}
    return {
        "address": one.address,
        "reused": one.phases.is_reused,
        "ms": spent,
        "problem": one.problem,
    }
