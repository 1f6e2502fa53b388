"""The callback and the pushes: what is known where little came, and the table of the latest."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from notifier.dispatch import gate
from notifier.dispatch.gate import Limits
from notifier.doctor.results import Verdict
from notifier.models import Message, Priority, State
from notifier.models.counts import Tally, add_counts
from notifier.receipts.process import process_pushes
from notifier.receipts.refused import note_refused
from tests import builders
from tests.chaos.processes import until
from tests.conftest import Platform
from tests.doctor.conftest import CALLBACK, seen, telling, verdicts
from tests.doctor.faults import change, no_receipts, wrong_callback_token
from tests.receipts.pushes import event, push, receipt
from tests.wechat.servers import serving


def long_ago(healthy: Platform) -> None:
    """The only push."""
    at = builders.now() - timedelta(days=2)
    healthy.account.push_set.update(received_at=at, happened_at=at)


def counted(healthy: Platform, state: State, count: int, ago: timedelta) -> None:
    key = (healthy.account.pk, healthy.template.pk, state.value, 0)
    add_counts({key: Tally(count)}, builders.now() - ago)


@pytest.mark.parametrize(("is_heard", "verdict"), [(True, "ok"), (False, "warn")])
def test_without_a_ping_only_the_pushes_tell(
    healthy: Platform, is_heard: bool, verdict: str
) -> None:
    if not is_heard:
        long_ago(healthy)
    with serving(telling(dns=[{"ip": "203.0.113.7"}], ping=[])) as server:
        change(healthy, api_base_url=server.url)
        found = {one.name: one.result for one in seen(healthy.account).checks}
    assert found["callback"].verdict == verdict
    assert "tried no ping" in found["callback"].finding
    assert bool(found["callback"].fix) is not is_heard


def test_pings_that_a_firewall_drops_are_no_fault_while_pushes_come(healthy: Platform) -> None:
    healthy.configure(callback_url=CALLBACK, callback_unreachable=True)
    assert verdicts(healthy.account) == {"callback": "warn"}


def test_a_push_that_is_right_ends_the_complaint(healthy: Platform) -> None:
    wrong_callback_token(healthy)
    push(healthy.account, event("unsubscribe", builders.openid()))
    assert verdicts(healthy.account) == {}


def test_messages_without_any_push_are_told(platform: Platform) -> None:
    platform.configure(callback_url=CALLBACK)
    account = platform.account
    gate.ask(account.pk, 5, Priority.NORMAL, Limits.of(account), builders.now())
    assert verdicts(account)["pushes"] == "warn"


MINUTES = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("sent", "ago", "verdict"),
    [
        (5, 5 * MINUTES, {"pushes": "bad"}),
        (4, 5 * MINUTES, {}),
        (5, 2 * MINUTES, {}),
        (5, timedelta(hours=23), {"pushes": "bad"}),
        (5, timedelta(hours=25), {}),
    ],
)
def test_receipts_that_stay_away(
    healthy: Platform, sent: int, ago: timedelta, verdict: dict[str, str]
) -> None:
    """One can be lost, a young message may still get its, and what is old is over."""
    counted(healthy, State.DELIVERED, 1, ago + 2 * MINUTES)
    counted(healthy, State.SENT, sent, ago)
    assert verdicts(healthy.account) == verdict


@pytest.mark.parametrize(
    ("sent", "came", "ago", "verdict"),
    [
        (100, 80, 10 * MINUTES, {}),
        (100, 60, 10 * MINUTES, {"pushes": "bad"}),
        (15, 1, 10 * MINUTES, {}),
        (100, 60, 2 * MINUTES, {}),
        (100, 60, 70 * MINUTES, {}),
    ],
)
def test_receipts_of_which_many_are_lost(
    healthy: Platform, sent: int, came: int, ago: timedelta, verdict: dict[str, str]
) -> None:
    """Some are lost at WeChat."""
    with_receipts(healthy, sent, came, ago)
    assert verdicts(healthy.account) == verdict


def test_that_they_come_again_is_seen_soon(healthy: Platform) -> None:
    with_receipts(healthy, 100, 0, 20 * MINUTES)
    assert verdicts(healthy.account) == {"pushes": "bad"}
    with_receipts(healthy, 100, 95, 5 * MINUTES)
    assert verdicts(healthy.account) == {}


def with_receipts(healthy: Platform, sent: int, came: int, ago: timedelta) -> None:
    first, at = healthy.message(), builders.now() - ago
    ids = [first.pk, *(one.pk for one in builders.copies(first, sent - 1))]
    Message.objects.filter(pk__in=ids).update(state=State.SENT, sent_at=at)
    told = Message.objects.filter(pk__in=ids[:came])
    told.update(state=State.DELIVERED, receipt_at=at + timedelta(seconds=1))


def test_another_accounts_receipts_are_none(healthy: Platform) -> None:
    counted(healthy, State.SENT, 5, 10 * MINUTES)
    key = (builders.make_account().pk, healthy.template.pk, State.DELIVERED.value, 0)
    add_counts({key: Tally(1)}, builders.now())
    assert verdicts(healthy.account) == {"pushes": "bad"}


def test_a_receipt_that_comes_ends_the_complaint(healthy: Platform) -> None:
    no_receipts(healthy)
    assert verdicts(healthy.account) == {"pushes": "bad"}
    message = Message.objects.exclude(msgid="").select_related("recipient")[0]
    push(healthy.account, receipt(message.recipient.openid, message.msgid))
    process_pushes()
    assert verdicts(healthy.account) == {}


def test_the_pushes_with_their_ticks(healthy: Platform) -> None:
    late = builders.now() - timedelta(minutes=5)
    openid = builders.openid()
    push(healthy.account, event("unsubscribe", openid, at=late.timestamp()))
    newest, first = seen(healthy.account).pushes
    assert (newest.event, newest.is_prompt, first.is_prompt) == ("unsubscribe", False, True)
    assert (newest.is_done, newest.is_known) == (False, None)
    assert openid not in str(newest)
    row = healthy.account.push_set.get(event="unsubscribe")
    row.due_at, row.outcome = None, "unknown_recipient"
    row.save()
    newest, _first = seen(healthy.account).pushes
    assert (newest.is_done, newest.is_known) == (True, False)


def test_those_of_the_sandbox_are_none_of_wechats(healthy: Platform) -> None:
    healthy.account.push_set.update(openid="sandbox-delivered")
    found = seen(healthy.account)
    assert found.pushes == []
    assert found.named(Verdict.SKIPPED) == ["pushes"]


def test_refused_ones_stand_among_them(healthy: Platform) -> None:
    for _ in range(2):
        wrong_callback_token(healthy)
    push(healthy.account, event("unsubscribe", builders.openid()))
    found = seen(healthy.account)
    newest, *refused, first = found.pushes
    assert (newest.event, first.event) == ("unsubscribe", "subscribe")
    assert [one.is_signed for one in refused] == [False, False]
    (told,) = next(one.result.details for one in found.checks if one.name == "pushes")
    assert "signature is wrong" in told
    later = seen(healthy.account, timedelta(days=1)).pushes
    assert [one.event for one in later] == ["unsubscribe", "subscribe"]


def test_of_refused_ones_twenty_are_kept(healthy: Platform) -> None:
    for number in range(25):
        note_refused(healthy.account.pk, f"reason {number}", builders.now())
    found = seen(healthy.account).pushes
    reasons = [f"reason {number}" for number in range(24, 4, -1)]
    assert [one.why for one in found] == [*reasons, ""]  # they push no stored one out


OTHERS: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "token": ({}, {"callback_token": "another"}, "its signature is wrong"),
    "mode": (
        {"callback_mode": "safe", "encoding_aes_key": "k" * 43},
        {"callback_mode": "plain"},
        "it is not encrypted",
    ),
    "key": (
        {"callback_mode": "safe", "encoding_aes_key": "k" * 43},
        {"callback_mode": "safe", "encoding_aes_key": "j" * 43},
        "another",
    ),
    "no key": (
        {},
        {"callback_mode": "safe", "encoding_aes_key": "j" * 43},
        "no EncodingAESKey is stored here",
    ),
}
"""The same setting here and at WeChat, and what is said."""


@pytest.mark.parametrize("other", OTHERS)
def test_settings_that_are_others_at_wechat(
    healthy: Platform, live_server: LiveServer, other: str
) -> None:
    ours, theirs, words = OTHERS[other]
    change(healthy, **ours)
    url = f"{live_server.url}/wechat/{healthy.account.slug}/callback"
    healthy.configure(callback_url=url, **theirs)
    # What was right a moment ago is taken for two seconds more.
    until(lambda: healthy.recipient() and seen(healthy.account).pushes[0].why)
    checks = {one.name: one.result for one in seen(healthy.account).checks}
    assert checks["pushes"].verdict is Verdict.BAD
    assert words in "\n".join((checks["pushes"].finding, *checks["pushes"].details))
    assert checks["pushes"].fix


def test_whether_it_was_signed_is_not_known_where_it_was_refused_before(healthy: Platform) -> None:
    note_refused(healthy.account.pk, "the push is larger than 64 KiB", builders.now())
    found = seen(healthy.account).pushes[0]
    assert (found.is_signed, found.why) == (None, "the push is larger than 64 KiB")


def test_the_page_shows_it_first_with_a_cross(healthy: Platform) -> None:
    wrong_callback_token(healthy)
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    shown = client.post(reverse("admin:account-doctor", args=[healthy.account.pk])).text
    first, second = shown.split("<tbody>")[1].split("</tr>")[:2]
    assert "Refused: its signature is wrong" in first
    assert (first.count("✗"), first.count("✓")) == (1, 0)
    assert "Follows" in second
