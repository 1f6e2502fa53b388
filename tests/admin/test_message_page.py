"""A message's page: its way in plain words, and what to do next."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from notifier.dispatch.claim import claim
from notifier.dispatch.lanes import Lane
from notifier.dispatch.repair import retry
from notifier.dispatch.retry import GUARD
from notifier.dispatch.settle import settle
from notifier.intake.accept import Origin
from notifier.models import Message, Priority, State
from notifier.wechat.errors import Kind
from templates_app.models import OfficialAccount
from tests import builders
from tests.admin.browsing import address, html, text
from tests.builders import magic
from tests.conftest import Platform
from tests.dispatch.conftest import answered, claim_one
from tests.observability.otlp import Collector
from tests.receipts.pushes import push, receipt
from tests.simulator.process import SimulatorProcess

Work = Callable[[], None]
TO_DO = "What to do "


def page(client: Client, message: Message, language: str = "en") -> str:
    where = address("notifier_message", "change", message.pk)
    return text(client.get(where, headers={"accept-language": language}))


def said(page: str, *parts: str) -> None:
    """The parts stand on the page, one after the other."""
    place = 0
    for part in parts:
        found = page.find(part, place)
        assert found >= 0, f"{part!r} is not there, or not in its place: {page}"
        place = found + len(part)


@pytest.fixture
def message(transactional_db: None, account: OfficialAccount) -> Message:
    template = builders.make_template(account, url="https://example.com/")
    recipient = builders.make_recipient(account, name="李雷")
    return builders.make_message(template, recipient, origin=Origin(requested_by="anna"))


def sent(message: Message) -> Message:
    settle([answered(claim_one(message), msgid="412345678901234567")], timezone.now())
    return message


def test_a_new_message_waits_and_nothing_is_to_be_done(root: Client, message: Message) -> None:
    shown = page(root, message)
    said(shown, "Waits to be sent", TO_DO + "Nothing to do: it is sent by itself.", "Timeline")
    said(shown, "Timeline", "Accepted", "Asked for by anna", "订单通知")


def test_the_card_is_shown_as_the_follower_sees_it(root: Client, message: Message) -> None:
    shown = page(root, message)
    said(
        shown,
        "订单通知",
        "订单号",
        "A-1001",
        "商品",
        "云南白茶",
        "时间",
        "2026-11-24 10:00",
        "查看详情",
    )


def test_a_person_without_a_name_is_named_once(root: Client, account: OfficialAccount) -> None:
    message = builders.make_message(builders.make_template(account))
    masked = f"{message.openid[:4]}…{message.openid[-4:]}"
    assert page(root, message).count(masked) == 1


def test_the_openid_is_masked(root: Client, message: Message) -> None:
    shown = root.get(address("notifier_message", "change", message.pk))
    assert f"To 李* · {message.openid[:4]}…{message.openid[-4:]}" in text(shown)
    assert message.openid not in html(shown)


def test_a_delivered_message_tells_its_whole_way(
    root: Client, message: Message, work: Work
) -> None:
    sent(message)
    said(page(root, message), "WeChat accepted it", TO_DO, "The receipt usually comes")
    assert push(message.account, receipt(message.openid, "412345678901234567")).status_code == 200
    work()
    shown = page(root, message)
    said(shown, "WeChat's receipt: delivered", TO_DO + "Nothing to do.", "Timeline")
    said(
        shown,
        "Timeline",
        "Accepted",
        "A worker hands it to WeChat attempt 1",
        "WeChat accepted it attempt 1",
        " ms",
        "WeChat's receipt: delivered",
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("failed:user block", "The person refuses messages from this account."),
        ("failed: system failed", "WeChat failed to deliver it and gives no reason."),
        ("failed:freq limit", "Too many messages to this person in a short time."),
        ("failed:something new", "failed:something new"),
    ],
)
def test_an_undelivered_message_tells_why(
    root: Client, message: Message, work: Work, status: str, words: str
) -> None:
    sent(message)
    push(message.account, receipt(message.openid, "412345678901234567", status))
    work()
    shown = page(root, message)
    said(
        shown,
        "WeChat's receipt: not delivered",
        TO_DO + "Reach the person another way, if it matters.",
        "Timeline",
        "WeChat's receipt: not delivered",
        words,
    )


def test_a_person_who_does_not_follow_is_named_as_the_reason(
    root: Client, platform: Platform, work: Work
) -> None:
    message = platform.message(magic("unfollowed"))
    work()
    said(
        page(root, message),
        "It could not be sent",
        TO_DO + "Nothing to do: the recipient is marked unfollowed; they must follow again.",
        "Timeline",
        "errcode 43004 (require subscribe): The user does not follow the account.",
    )
    chinese = page(root, message, "zh-hans")
    said(chinese, "发送失败", "怎么办", "该接收人已标记为未关注", "时间线", "用户未关注该公众号。")


def test_a_template_that_wechat_does_not_know_is_named_as_the_reason(
    root: Client, platform: Platform, work: Work
) -> None:
    message = platform.message(magic("ok"))
    platform.configure(templates=[])
    work()
    said(
        page(root, message),
        "It could not be sent",
        TO_DO + "Synchronise the templates and choose one that this account still has.",
        "Timeline",
        "errcode 40037 (invalid template_id): The account has no template with this id.",
    )


def test_what_holds_up_the_whole_account_is_told_while_the_message_waits(
    root: Client, platform: Platform, work: Work
) -> None:
    message = platform.message(magic("ok"))
    platform.configure(ip_not_whitelisted="203.0.113.7")
    work()
    said(
        page(root, message),
        "The account does not work; it is tried again until it does",
        TO_DO + "Add this server's IP to the API IP whitelist on mp.weixin.qq.com.",
        "Timeline",
        "next attempt",
        "errcode 40164 (invalid ip 203.0.113.7",
    )


def test_an_attempt_that_failed_is_told_with_the_time_of_the_next(
    root: Client, message: Message
) -> None:
    attempt = answered(claim_one(message), Kind.SLOW, errcode=-1, detail="system error")
    settle([attempt], timezone.now())
    said(
        page(root, message),
        "Did not work; it is tried again",
        TO_DO + "Nothing to do",
        "Timeline",
        "attempt 1",
        "next attempt",
        "errcode -1 (system error): WeChat is busy",
    )


def test_our_own_reasons_are_told_in_the_readers_language(root: Client, message: Message) -> None:
    attempt = answered(claim_one(message), Kind.RETRY, detail="no access token (no answer in time)")
    settle([attempt], timezone.now())
    said(page(root, message), "Timeline", "no access token (no answer in time)")
    shown = page(root, message, "zh-hans")
    said(shown, "取不到 access token（未在规定时间内得到应答）")
    assert "no answer" not in shown


def test_a_message_of_which_nobody_knows_warns_before_it_is_sent_again(
    root: Client, message: Message
) -> None:
    builders.set_message(message, in_doubt_since=timezone.now() - GUARD, attempts=1)
    claim(Lane(message.account_id, Priority.NORMAL), 10, timezone.now())
    said(
        page(root, message),
        "Nobody knows whether it was delivered",
        TO_DO + "Ask the person before you send it again: a second one may arrive",
        "Timeline",
        "Nobody knows whether it was delivered",
    )


def test_an_expired_message_was_never_sent(root: Client, message: Message) -> None:
    later = timezone.now() + timedelta(days=2)
    claim(Lane(message.account_id, Priority.NORMAL), 10, later)
    said(
        page(root, message),
        "Its time ran out before it was sent",
        TO_DO + "Send a new message if it still matters.",
        "Timeline",
        "Its time ran out before it was sent",
    )


def test_a_scheduled_message_waits_for_its_time(root: Client, account: OfficialAccount) -> None:
    send_at = timezone.now() + timedelta(hours=1)
    message = builders.make_message(builders.make_template(account), send_at=send_at)
    said(page(root, message), "Waits for its time", TO_DO + "Nothing to do: it is sent by itself.")


def test_what_somebody_else_wrote_is_shown_as_text(root: Client, account: OfficialAccount) -> None:
    evil = "<b>bold</b>"
    recipient = builders.make_recipient(account, name=evil)
    data = builders.DATA | {"product": evil}
    message = builders.make_message(builders.make_template(account), recipient, data=data)
    settle([answered(claim_one(message), Kind.REQUEST, errcode=47003, detail=evil)], timezone.now())
    shown = html(root.get(address("notifier_message", "change", message.pk)))
    assert evil not in shown
    assert shown.count("&lt;b&gt;bold&lt;/b&gt;") >= 3


def test_a_message_that_somebody_has_tried_again_says_so(root: Client, db: None) -> None:
    message = builders.set_message(builders.make_message(), state=State.FAILED)
    retry([message.pk], "ann", timezone.now())
    said(page(root, message), "Somebody has it tried again", "Timeline", "ann")


def test_a_message_that_is_not_there_leads_away_with_a_word(root: Client, db: None) -> None:
    answer = root.get(address("notifier_message", "change", "0" * 32), follow=True)
    assert "doesn’t exist" in text(answer)


def test_a_slow_call_says_where_its_time_went(
    root: Client, platform: Platform, work: Work, simulator: SimulatorProcess
) -> None:
    platform.message()
    work()  # there is a token
    usual = platform.message()
    work()
    said(page(root, usual), "kept connection, nearly all of it waiting for WeChat")
    simulator.control("POST", "/latency", {"median_ms": 1200, "sigma": 0})
    late = platform.message()
    work()
    said(page(root, late), "Did not work", "waited for WeChat 1", "connection to 127.0.0.1")
    said(page(root, late, "zh-hans"), "等微信应答 1", "到 127.0.0.1 的连接")
    told = late.events.get(state=State.QUEUED).phases
    assert (told["host"], told["wait"] >= 1000) == ("127.0.0.1", True)


def test_the_trace_can_be_looked_up(root: Client, message: Message) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    builders.set_message(message, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    shown = page(root, message)
    said(shown, "Trace", trace)
    assert "not kept" not in shown


def test_of_a_trace_that_was_not_kept_the_page_says_so(
    root: Client, message: Message, collector: Collector
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    builders.set_message(message, traceparent=f"00-{trace}-00f067aa0ba902b7-00")
    said(page(root, message), trace, "not kept: of it only calls that failed or were slow")
    said(page(root, message, "zh-hans"), trace, "未保留")
