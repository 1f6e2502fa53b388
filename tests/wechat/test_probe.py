"""manage.py wechat_probe, as somebody at night reads it."""

import json

import pytest
from django.core.management import CommandError, call_command

from tests import builders
from tests.wechat.servers import answering, free_address, serving

pytestmark = pytest.mark.django_db


def probed(capsys, *arguments):
    """Exit code, stdout."""
    code = 0
    try:
        call_command("wechat_probe", *arguments)
    except SystemExit as error:
        code = error.code
    return code, capsys.readouterr().out


def test_each_address_with_a_new_and_a_kept_connection(simulator, capsys):
    dead = free_address()
    code, shown = probed(capsys, simulator.url, dead)
    lines = [line.split() for line in shown.splitlines() if "http://" in line]
    assert code == 0
    assert [line[:2] for line in lines] == [
        [simulator.url, "new"],
        [simulator.url, "kept"],
        [dead, "none"],
    ]
    assert lines[0][-1] == lines[1][-1] == "ok"
    assert lines[1][2:5] == ["-", "-", "-"]  # no look-up, no handshakes
    assert "no connection" in shown


def test_an_address_may_end_with_a_slash(simulator, capsys):
    assert probed(capsys, f"{simulator.url}/")[0] == 0


def test_for_programs(simulator, capsys):
    code, shown = probed(capsys, "--json", "--calls", "1", simulator.url)
    (one,) = json.loads(shown)["probes"]
    assert (code, one["address"], one["reused"], one["problem"]) == (0, simulator.url, False, "")
    assert one["ms"]["wait"] > 0


def test_the_addresses_of_an_account(simulator, capsys):
    account = builders.make_account(api_base_url=simulator.url, backup_domains=free_address())
    code, shown = probed(capsys, "--account", account.slug)
    assert code == 0
    assert simulator.url in shown
    assert account.backup_domains in shown


def test_a_proxy_that_answers_in_wechats_place_is_told(capsys):
    with serving(answering("<html>Access denied</html>", "403 Forbidden")) as server:
        code, shown = probed(capsys, server.url)
    assert code == 1
    assert "HTTP 403, not WeChat's answer" in shown


@pytest.mark.parametrize("address", ["api.weixin.qq.com", "https://", "http://a:b", "http://[::1"])
def test_what_is_no_address_is_told(address):
    with pytest.raises(CommandError, match="is no address"):
        call_command("wechat_probe", address)
