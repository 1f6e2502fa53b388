"""The page of the follower sync, and its one button."""

import pytest
from django.test import Client
from django.urls import reverse

from notifier.models import FollowerSync
from templates_app.models import OfficialAccount
from tests.admin.browsing import html, text
from tests.admin.conftest import StaffMaker

PAGE = "admin:followers"


def test_a_pass_is_started_watched_and_told(platform, root: Client, work) -> None:
    person = {"openid": "oF".ljust(28, "0")}
    platform.configure(followers=[person])
    assert "never synced" in text(root.get(reverse(PAGE)))
    started = root.post(reverse(PAGE), {"account": platform.account.pk}, follow=True)
    assert "reading the follower list" in text(started)
    assert 'hx-trigger="every 2s"' in html(started)
    work()
    done = root.get(reverse(PAGE))
    assert "1 of 1 followers read · 1 new" in text(done)
    assert 'hx-trigger="every 2s"' not in html(done)


def test_a_second_one_is_not_started(root: Client, account: OfficialAccount) -> None:
    given = {"account": account.pk}
    root.post(reverse(PAGE), given)
    assert "It is running already." in text(root.post(reverse(PAGE), given, follow=True))
    assert FollowerSync.objects.count() == 1


def test_what_wechat_refused_is_explained(root: Client, account: OfficialAccount) -> None:
    root.post(reverse(PAGE), {"account": account.pk})
    FollowerSync.objects.update(state="failed", error="errcode 48001: api unauthorized")
    shown = text(root.get(reverse(PAGE)))
    assert "48001" in shown
    assert "Go on" in shown


@pytest.mark.parametrize("given", [{}, {"account": "x"}, {"account": "0"}])
def test_an_account_that_is_none_is_told(root: Client, account: OfficialAccount, given) -> None:
    assert "There is no such account." in text(root.post(reverse(PAGE), given, follow=True))


def test_who_may_only_look_starts_nothing(staff: StaffMaker, account: OfficialAccount) -> None:
    viewer = staff("notifier.view_followersync")
    assert "Sync now" not in text(viewer.get(reverse(PAGE)))
    assert viewer.post(reverse(PAGE), {"account": account.pk}).status_code == 403
    assert staff("notifier.view_recipient").get(reverse(PAGE)).status_code == 403
