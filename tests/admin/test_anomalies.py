"""The pages of what is unusual: who sees it, and who silences it."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import time_machine
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from notifier.models import Anomaly, AuditEntry, Silence
from templates_app.access import limit
from templates_app.models import OfficialAccount
from tests import builders
from tests.admin.browsing import address, html, text
from tests.admin.conftest import StaffMaker
from tests.admin.test_account_limits import logged_in
from tests.admin.test_log import ids, shown
from tests.admin.test_menu import badges

LIST = "/admin/notifier/anomaly/"
SUBMITTED = {"_form_submitted": "True", "hours": "8", "reason": "微信维护到早上"}


def silence_at(one: Anomaly) -> str:
    return address("notifier_anomaly", "silence", one.pk)


def test_the_page_says_what_is_seen_and_what_is_usual(root: Client, account: Any) -> None:
    template = builders.make_template(account)
    one = builders.make_anomaly(account, template)
    words = (
        "failures 12 % of 340 attempts, usual at this time of the week 0.4 % (median of 8 weeks)"
    )
    assert words in text(root.get(LIST))
    page = text(root.get(address("notifier_anomaly", "change", one.pk)))
    for part in (words, "Unusual is what lies above 2.4 %", "The worst was 20 %", "40037 × 40"):
        assert part in page


def test_its_messages_are_those_of_the_time(root: Client, account: Any) -> None:
    template = builders.make_template(account)
    ended = timezone.now() - timedelta(hours=2)
    one = builders.make_anomaly(account, template, state="ended", ended_at=ended)
    with time_machine.travel(ended - timedelta(minutes=1)):
        meanwhile = builders.make_message(template)
    builders.make_message(template)
    page = html(root.get(address("notifier_anomaly", "change", one.pk)))
    (link,) = re.findall(r'href="([^"]*/message/[?][^"]*created_at_to[^"]*)"', page)
    assert shown(root.get(unescape(link))) == ids(meanwhile)


def test_only_what_is_shown_can_be_chosen(root: Client, account: Any) -> None:
    builders.make_anomaly(account)
    page = html(root.get(LIST))
    assert "?state=open" in page
    assert "state=pending" not in page
    assert "failures 12 %" in text(root.get(f"{LIST}?state=open"))
    assert "failures 12 %" not in text(root.get(f"{LIST}?state=ended"))


def test_in_chinese(root: Client, account: Any) -> None:
    builders.make_anomaly(account)
    page = text(root.get(LIST, HTTP_ACCEPT_LANGUAGE="zh-hans"))
    assert "340 次发送中失败 12%，往周此时通常为 0.4%（8 周的中位数）" in page


def test_a_suspicion_is_shown_to_nobody(root: Client, account: Any) -> None:
    one = builders.make_anomaly(account, state="pending")
    assert "Nothing is unusual." in text(root.get(LIST))
    assert root.get(address("notifier_anomaly", "change", one.pk)).status_code == 302


def test_the_list_foresees_quota_and_queue(root: Client, account: Any) -> None:
    template = builders.make_template(account)
    message = builders.make_message(template)
    due = timezone.now() - timedelta(minutes=3)
    builders.set_message(message, due_at=due)
    page = text(root.get(LIST))
    assert "0 of 99,000 messages of today, 0 in the last hour." in page
    assert "With what is known to come, the quota lasts until the reset." in page
    assert "1 due messages wait, the first for 3 min. It does not shrink." in page


def test_one_button_silences_it(staff: StaffMaker, account: Any) -> None:
    client = staff("notifier.view_anomaly", "notifier.add_silence")
    one = builders.make_anomaly(account, builders.make_template(account))
    assert client.post(silence_at(one), SUBMITTED).status_code == 200
    made = Silence.objects.get()
    assert (made.account, made.template, made.measure) == (account, one.template, "failure")
    assert timedelta(hours=7.9) < made.until - timezone.now() < timedelta(hours=8)
    assert made.fits(one)
    one.refresh_from_db()
    assert one.is_silenced
    entry = AuditEntry.objects.get(object_type="notifier.silence")
    assert json.loads(entry.after)["reason"] == SUBMITTED["reason"]
    assert client.post(silence_at(one), SUBMITTED).status_code == 403


def test_who_may_only_look_silences_nothing(staff: StaffMaker, account: Any) -> None:
    one = builders.make_anomaly(account)
    client = staff("notifier.view_anomaly")
    assert "Silence" not in text(client.get(address("notifier_anomaly", "change", one.pk)))
    assert client.post(silence_at(one), SUBMITTED).status_code == 403
    assert not Silence.objects.exists()


def test_a_silence_of_all_accounts_is_not_for_who_is_limited(account: Any) -> None:
    other = builders.make_account()
    client = logged_in(account)
    given = {"until_0": "2030-01-01", "until_1": "00:00:00", "reason": "x", "measure": ""}
    where = "/admin/notifier/silence/add/"
    for chosen in ("", other.pk):
        assert client.post(where, given | {"account": chosen}).status_code == 200
    assert not Silence.objects.exists()
    assert client.post(where, given | {"account": account.pk}).status_code == 302
    assert Silence.objects.get().created_by == "limited"


def test_a_template_of_another_account_is_refused(root: Client, account: Any) -> None:
    foreign = builders.make_template()
    given = {"until_0": "2030-01-01", "until_1": "00:00:00", "reason": "x", "measure": ""}
    given |= {"account": account.pk, "template": foreign.pk}
    answer = root.post("/admin/notifier/silence/add/", given)
    assert "This template is of another account." in text(answer)
    assert not Silence.objects.exists()


def test_the_badge_counts_what_is_open_and_ones_own(account: Any) -> None:
    user = User.objects.create_superuser("root")
    client = Client()
    client.force_login(user)
    builders.make_anomaly(account)
    builders.make_anomaly(account, measure="latency", is_silenced=True)
    builders.make_anomaly(account, measure="refusal", state="ended", ended_at=timezone.now())
    builders.make_anomaly(builders.make_account())
    assert badge(client) == "2"
    someone = User.objects.create_user("li", is_staff=True, is_superuser=False)
    someone.user_permissions.set(_permissions())
    limit(someone, OfficialAccount.objects.filter(pk=account.pk))
    client.force_login(someone)
    assert badge(client) == "1"


def _permissions() -> Any:
    return Permission.objects.filter(codename="view_anomaly")


def badge(client: Client) -> str:
    return badges(client).get("Anomalies", "")
