"""Segments and suppressions in the admin."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from notifier.models import RecipientGroup, Segment, Suppression, WeChatTag
from templates_app.models import OfficialAccount
from tests import builders
from tests.admin.browsing import address, faults, form, html, text
from tests.admin.conftest import StaffMaker

SEGMENT = "notifier_segment"
COUNT = "admin:segment-count"


@pytest.fixture
def group(account: OfficialAccount) -> RecipientGroup:
    return RecipientGroup.objects.create(account=account, name="会员")


def test_the_count_follows_the_form(root: Client, account: OfficialAccount, group: RecipientGroup):
    for number in range(3):
        person = builders.make_recipient(account, user_id=f"u-{number}" if number else "")
        person.groups.add(group)
    builders.make_recipient(builders.make_account())
    asked: dict[str, object] = {"account": account.pk, "group": group.pk, "state": "following"}
    assert text(root.get(reverse(COUNT), asked)).split()[0] == "3"
    assert text(root.get(reverse(COUNT), asked | {"user_id": "yes"})).split()[0] == "2"
    assert text(root.get(reverse(COUNT), asked | {"state": "unfollowed"})).split()[0] == "0"


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("city", "杭州", 2),
        ("city", "杭", 0),
        ("level", "3", 2),
        ("level", "3.0", 1),
        ("vip", "true", 1),
        ("vip", "false", 1),
        ("account_id", "x", 1),
        ("a b.c:d__e-f", "x", 1),
        ("nothing", "x", 0),
        ("city", "", 4),
        ("", "杭州", 4),
        ("0", "x", 4),
        ("city", "x' OR 1=1 --", 0),
    ],
)
def test_an_attribute_chooses_whatever_type_it_has(
    root: Client, account: OfficialAccount, name: str, value: str, fits: int
) -> None:
    """What is not complete, or can be no name, counts nothing out yet."""
    for held in (
        {"city": "杭州", "level": 3, "vip": True, "account_id": "x"},
        {"city": "杭州", "level": "3", "vip": False, "a b.c:d__e-f": "x"},
        {"city": "宁波", "level": 30, "vip": 1},
        {},
    ):
        builders.make_recipient(account, attributes=held)
    asked = {"account": account.pk, "attribute": name, "attribute_value": value}
    assert text(root.get(reverse(COUNT), asked)).split()[0] == str(fits)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("city", "", {"attribute_value": "Enter the value, too."}),
        ("", "x", {"attribute": "Enter the name of the attribute, too."}),
        ("2026", "x", {"attribute": "No attribute can have this name."}),
    ],
)
def test_half_a_rule_is_told(
    root: Client, account: OfficialAccount, name: str, value: str, told: dict[str, str]
) -> None:
    given = {"name": "s", "account": account.pk, "attribute": name, "attribute_value": value}
    assert faults(root.post(address(SEGMENT, "add"), given)) == told


@pytest.mark.parametrize("asked", [{}, {"account": "x"}, {"account": "1", "followed_from": "x"}])
def test_a_form_that_says_nothing_yet_counts_nothing(
    root: Client, account: OfficialAccount, asked: dict[str, str]
) -> None:
    assert "Choose an account" in text(root.get(reverse(COUNT), asked))


def test_the_page_of_a_saved_segment_counts(
    root: Client, staff: StaffMaker, account: OfficialAccount
) -> None:
    """Once it is there; for who may only look, and has no form to count by, within the page."""
    segment = Segment.objects.create(account=account, name="all")
    builders.make_recipient(account)
    page = address(SEGMENT, "change", segment.pk)
    shown = root.get(page)
    (asks,) = re.findall(f'hx-get="({reverse(COUNT)}[^"]+)" hx-trigger="load, ', html(shown))
    told = root.get(asks, form(shown, "segment_form"))
    assert "1 recipients fit" in text(told)
    assert "recipients fit" not in text(shown)
    assert "1 recipients fit" in text(staff("notifier.view_segment").get(page))


def test_the_list_of_groups_asks_for_their_members_afterwards(
    root: Client, account: OfficialAccount, group: RecipientGroup
) -> None:
    for _ in range(3):
        builders.make_recipient(account).groups.add(group)
    empty = RecipientGroup.objects.create(account=account, name="员工")
    shown = html(root.get(address("notifier_recipientgroup", "changelist")))
    (asks,) = re.findall('hx-get="([^"]+)"  *hx-trigger="load"', shown)
    told = html(root.get(unescape(asks)))
    for one, count in ((group, 3), (empty, 0)):
        assert f'<span id="members-{one.pk}">…</span>' in shown
        assert f'<span id="members-{one.pk}" hx-swap-oob="true">{count}</span>' in told


@pytest.mark.parametrize("asked", ["", "?id=", "?id=x", f"?id={'9' * 30}", "?id=999999"])
def test_groups_that_are_none_have_no_members(
    root: Client, group: RecipientGroup, asked: str
) -> None:
    answer = root.get(f"{reverse('admin:group-members')}{asked}")
    assert answer.status_code == 200
    assert html(answer).count("<span") == (asked == "?id=999999")


def test_a_group_of_another_account_is_refused(root: Client, account: OfficialAccount) -> None:
    other = builders.make_account()
    group = RecipientGroup.objects.create(account=other, name="x")
    tag = WeChatTag.objects.create(account=other, wechat_id=100, name="x")
    given = {"name": "s", "account": account.pk, "group": group.pk, "tag": tag.pk}
    answer = root.post(address(SEGMENT, "add"), given)
    assert set(faults(answer)) == {"group", "tag"}


def test_a_suppression_tells_its_reason_and_whether_it_holds(
    root: Client, account: OfficialAccount
) -> None:
    template = builders.make_template(account)
    for name, until in (("u-1", None), ("u-2", builders.now() - timedelta(days=1))):
        Suppression.objects.create(
            recipient=builders.make_recipient(account, user_id=name),
            template=template,
            errcode=43101,
            since=builders.now(),
            until=until,
        )
    shown = text(root.get(address("notifier_suppression", "changelist")))
    assert "43101" in shown
    assert "not sent" in shown
    assert "expired" in shown
    found = root.get(address("notifier_suppression", "changelist"), {"q": "u-2"})
    assert [row.recipient.user_id for row in found.context["cl"].queryset] == ["u-2"]
