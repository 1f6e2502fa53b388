"""The callback address: what is let in, what is answered, and that the work is done later."""

from copy import copy

import pytest
from django.test import Client

from notifier.dispatch import lanes
from notifier.models import Push, Recipient
from templates_app.models import OfficialAccount
from tests import builders
from tests.receipts.conftest import MSGID, events
from tests.receipts.pushes import (
    AES_KEY,
    event,
    path,
    post,
    push,
    query,
    receipt,
    sign,
    xml,
)

OPENID = "oABCDEFGHIJKLMNOPQRSTUVWXYZ1"
MODES = ["plain", "compatible", "safe"]
DTD = b'<!DOCTYPE xml [<!ENTITY a "success">]>'
GARBAGE = {
    "empty": b"",
    "text": b"success",
    "binary": bytes(range(256)),
    "cut": receipt(OPENID, MSGID)[:-10],
    "no fields": b"<xml></xml>",
    "no CreateTime": xml(MsgType="event", Event="subscribe", FromUserName=OPENID),
    "CreateTime is a text": xml(MsgType="event", Event="subscribe", CreateTime="now"),
    "json list": b"[1]",
    "dtd": DTD + receipt(OPENID, MSGID),
    "entity": DTD + receipt(OPENID, MSGID, "&a;").replace(b"<![CDATA[&a;]]>", b"&a;"),
    "external": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><a>&a;</a></xml>',
    "parameter entity": b'<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1:9/"> %a;]><xml/>',
}


@pytest.fixture
def account(request, transactional_db):
    mode = getattr(request, "param", "plain")
    key = "" if mode == "plain" else AES_KEY
    return builders.make_account(callback_mode=mode, encoding_aes_key=key)


every_mode = pytest.mark.parametrize("account", MODES, indirect=True)


def get(account, **changes):
    return Client().get(path(account, query(account) | {"echostr": "4375120948"} | changes))


@every_mode
def test_the_address_is_verified(account):
    answer = get(account)
    assert (answer.status_code, answer.content) == (200, b"4375120948")
    assert answer["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "changes",
    [{"signature": "0" * 40}, {"timestamp": "1"}, {"nonce": ""}, {"signature": "签"}],
)
def test_a_wrong_verification_is_refused(account, changes):
    answer = get(account, **changes)
    assert answer.status_code == 403
    assert b"4375120948" not in answer.content


@pytest.mark.parametrize("name", ["signature", "timestamp", "nonce"])
def test_a_verification_needs_all_its_parts(account, name):
    parameters = query(account) | {"echostr": "1"}
    del parameters[name]
    assert Client().get(path(account, parameters)).status_code == 403


def test_an_echo_is_not_read_as_html(account):
    answer = get(account, echostr="<script>alert(1)</script>")
    assert answer["Content-Type"].startswith("text/plain")
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_an_unknown_account_is_not_found(account):
    other = builders.OfficialAccount(slug="no-such", callback_token="x")
    assert Client().get(path(other, query(account))).status_code == 404
    assert post(path(other, query(account)), receipt(OPENID, "1")).status_code == 404


@pytest.mark.parametrize("signed_with", ["", "callbacktoken"])
def test_an_account_without_a_token_lets_nobody_in(account, signed_with):
    account.callback_token = ""
    account.save()
    parameters = query(account) | {"signature": sign(signed_with, "1", "1")}
    parameters |= {"timestamp": "1", "nonce": "1"}
    assert Client().get(path(account, parameters)).status_code == 403
    assert post(path(account, parameters), receipt(OPENID, "1")).status_code == 403
    assert not Push.objects.exists()


@every_mode
def test_a_push_is_kept_and_answered(account):
    answer = push(account, receipt(OPENID, MSGID, "failed: system failed", at=1721621154))
    assert (answer.status_code, answer.content) == (200, b"success")
    kept = Push.objects.get()
    assert (kept.account, kept.event, kept.openid) == (account, "templatesendjobfinish", OPENID)
    assert (kept.msgid, kept.status) == (MSGID, "failed: system failed")
    assert kept.happened_at.timestamp() == 1721621154


@every_mode
def test_a_wrong_signature_is_refused(account):
    changes = {"signature": "0" * 40, "msg_signature": "0" * 40}
    assert push(account, receipt(OPENID, MSGID), **changes).status_code == 403
    assert not Push.objects.exists()


def test_another_accounts_signature_is_refused(account):
    other = builders.make_account(callback_token="another")
    assert post(path(account, query(other)), receipt(OPENID, MSGID)).status_code == 403


@pytest.mark.parametrize("account", ["safe"], indirect=True)
def test_safe_mode_refuses_a_plain_push(account):
    answer = post(path(account, query(account)), receipt(OPENID, MSGID))
    assert answer.status_code == 400
    assert not Push.objects.exists()


@pytest.mark.parametrize("account", ["safe"], indirect=True)
def test_a_push_for_another_appid_is_refused(account):
    account.appid = "wx" + "f" * 16
    assert push(account, receipt(OPENID, MSGID)).status_code == 400


@pytest.mark.parametrize("account", ["safe"], indirect=True)
def test_the_previous_key_is_still_understood(account):
    type(account).objects.filter(pk=account.pk).update(
        encoding_aes_key="n" * 43, previous_aes_key=AES_KEY
    )
    assert push(account, receipt(OPENID, MSGID)).content == b"success"


@every_mode
@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_push_is_refused(account, name):
    assert push(account, GARBAGE[name]).status_code == 400
    assert post(path(account, query(account)), GARBAGE[name]).status_code == 400
    assert not Push.objects.exists()


@pytest.mark.parametrize("size", [65 * 1024, 3_000_000])
def test_too_large_a_push_is_refused(account, size):
    assert push(account, receipt(OPENID, MSGID, "x" * size)).status_code in (400, 413)
    assert not Push.objects.exists()


@every_mode
def test_the_work_is_done_after_the_answer(account, sent):
    recipient = sent.recipient
    push(account, receipt(sent.openid, MSGID))
    push(account, event("unsubscribe", recipient.openid))
    sent.refresh_from_db()
    recipient.refresh_from_db()
    assert (sent.state, recipient.state, events(sent)) == ("sent", "following", [])
    assert len(lanes.queue("receipts")) == 1


def test_a_repeated_push_is_kept_once(account):
    body = receipt(OPENID, MSGID)
    assert [push(account, body).content for _ in range(3)] == [b"success"] * 3
    assert Push.objects.count() == 1


def test_two_accounts_keep_the_same_push_each(account):
    other = builders.make_account()
    body = receipt(OPENID, MSGID)
    push(account, body)
    push(other, body)
    assert Push.objects.count() == 2


@pytest.mark.parametrize(
    "body",
    [
        event("VIEW", OPENID, EventKey="https://example.com"),
        event("SCAN", OPENID),
        xml(FromUserName=OPENID, CreateTime=1, MsgType="text", Content="你好", MsgId=9),
    ],
)
def test_what_is_nothing_of_ours_is_answered_and_not_kept(account, body):
    answer = push(account, body)
    assert (answer.status_code, answer.content) == (200, b"success")
    assert not Push.objects.exists()


def test_a_push_is_kept_while_redis_is_away(account, dead_redis):
    assert push(account, receipt(OPENID, MSGID)).content == b"success"
    assert Push.objects.count() == 1


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(account, method):
    assert getattr(Client(), method)(path(account, query(account))).status_code == 405


def test_an_overlong_field_is_cut_to_what_fits(account):
    push(account, receipt("o" * 300, "9" * 100, "failed:" + "x" * 300))
    kept = Push.objects.get()
    assert (len(kept.openid), len(kept.msgid), len(kept.status)) == (64, 20, 64)


def test_a_push_makes_no_recipient_before_the_work(account):
    push(account, event("subscribe", OPENID))
    assert not Recipient.objects.exists()


@pytest.mark.parametrize("character", ["\\u0000", "\\ud800"])
def test_what_no_database_stores_is_kept_without_it(account, character):
    values = f'"MsgType":"event","CreateTime":1,"Event":"subscribe","FromUserName":"o{character}1"'
    assert push(account, b"{" + values.encode() + b"}").content == b"success"
    assert Push.objects.get().openid in ("o1", "o?1")


def test_a_token_that_another_process_changed_holds_at_once(account):
    """This process remembers the account, and no signal tells it."""
    assert push(account, receipt(OPENID, MSGID)).status_code == 200
    old = copy(account)
    account.callback_token = "another-token"
    OfficialAccount.objects.filter(pk=account.pk).update(callback_token=account.callback_token)
    assert push(account, receipt(OPENID, "2")).status_code == 200
    assert push(old, receipt(OPENID, "3")).status_code == 403
    assert Push.objects.count() == 2


def test_a_push_of_an_account_that_another_process_deleted_is_for_nobody(account):
    push(account, event("VIEW", OPENID))
    OfficialAccount.objects.filter(pk=account.pk)._raw_delete("default")
    assert push(account, receipt(OPENID, MSGID)).status_code == 404


def test_the_accounts_secrets_are_read_once_for_many_pushes(
    account, django_assert_max_num_queries, monkeypatch
):
    monkeypatch.setattr("templates_app.memory.SECONDS", 60)
    push(account, receipt(OPENID, MSGID))
    with django_assert_max_num_queries(3):  # of keeping it: begin, insert, commit
        push(account, receipt(OPENID, "2"))
