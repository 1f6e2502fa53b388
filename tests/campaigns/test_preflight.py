"""The audience is looked up and rendered, each refusal counted by its reason; nothing is sent."""

import csv
import io

import pytest
from django.utils import timezone

from notifier.campaigns import job, preflight, states
from notifier.campaigns.files import files
from notifier.models import Campaign, CampaignRow, Message, Segment, Suppression
from notifier.recipients.erasing import erase
from templates_app import sendable
from templates_app.models import MessageTemplate
from tests import builders
from tests.campaigns.campaigning import a_group, ago, checked, make_campaign, upload

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_a_group_each_is_counted_by_what_would_become_of_them(template):
    group = a_group(template.account, 7)
    unfollowed, refused, suppressed, over, *_rest = people = list(group.recipients.order_by("pk"))
    type(unfollowed).objects.filter(pk=unfollowed.pk).update(state="unfollowed")
    type(refused).objects.filter(pk=refused.pk).update(state="refused")
    Suppression.objects.create(recipient=suppressed, template=template, since=timezone.now())
    MessageTemplate.objects.filter(pk=template.pk).update(daily_cap=1)
    builders.make_message(template, over)
    builders.make_recipient(template.account)  # of no group
    before = Message.objects.count()

    campaign = checked(make_campaign(template, group=group))

    assert (campaign.state, campaign.percent) == ("checked", 100)
    assert (campaign.total, campaign.ready) == (7, 3)
    assert campaign.problems == {
        "recipient_unfollowed": 1,
        "recipient_refused": 1,
        "recipient_refuses_template": 1,
        "daily_cap": 1,
    }
    fit = CampaignRow.objects.filter(campaign=campaign, problem="").values_list(
        "recipient", flat=True
    )
    assert set(fit) == {one.pk for one in people[4:]}
    assert Message.objects.count() == before


def test_a_segment_is_asked_at_the_check_and_stays_what_it_was(template):
    segment = Segment.objects.create(account=template.account, name="with id", user_id="yes")
    builders.make_recipient(template.account, user_id="u-1")
    builders.make_recipient(template.account)
    campaign = checked(make_campaign(template, audience="segment", segment=segment))
    assert (campaign.total, campaign.ready) == (1, 1)
    builders.make_recipient(template.account, user_id="u-2")
    assert campaign.rows.count() == 1
    assert checked(campaign).total == 2  # asked again


def test_rows_of_a_file_have_their_own_values(template):
    one, two = (
        builders.make_recipient(template.account, user_id=f"u-{number}") for number in (1, 2)
    )
    campaign = make_campaign(template, audience="upload", data={"at": "2026-11-24 10:00"})
    upload(
        campaign,
        "会员编号,订单号,product,时间,备注\n"
        "u-1,A-1,云南白茶,,x\n"
        "u-2,A-2,龙井,2026-12-01 08:00,\n"
        "u-3,A-3,龙井,,\n"
        "u-1,A-4,龙井,,\n"
        f"u-2,A-5,{'茶' * 21},,\n"
        ",A-6,龙井,,\n",
    )
    checked(campaign)
    assert (campaign.total, campaign.ready) == (6, 2)
    assert campaign.problems == {"unknown_recipient": 2, "doubled": 1, "too_long": 1}
    assert campaign.ignored_columns == ["备注"]
    rows = campaign.rows.filter(problem="").order_by("number")
    assert [(row.number, row.recipient_id, row.data) for row in rows] == [
        (2, one.pk, {"order_no": "A-1", "product": "云南白茶"}),
        (3, two.pk, {"order_no": "A-2", "product": "龙井", "at": "2026-12-01 08:00"}),
    ]
    longest = campaign.rows.get(number=6)  # by its product
    assert longest.pk in campaign.longest


def test_who_is_in_it_twice_is_not_told_to_have_had_enough(template):
    builders.make_recipient(template.account, user_id="u-1")
    MessageTemplate.objects.filter(pk=template.pk).update(daily_cap=1)
    sendable.memory.forget()
    campaign = make_campaign(template, audience="upload")
    upload(campaign, "user_id,product\nu-1,龙井\nu-1,茶\n")
    assert checked(campaign).problems == {"doubled": 1}


def test_the_rows_with_errors_come_back_as_a_file_with_the_reason(template):
    builders.make_recipient(template.account, user_id="u-1")
    campaign = make_campaign(template, audience="upload")
    upload(campaign, f"user_id,product\nu-1,{'茶' * 21}\nu-9,龙井\n")
    checked(campaign)
    text = files.errors(campaign.pk).read_text("utf-8-sig")
    headers, long, unknown = csv.reader(io.StringIO(text))
    assert headers == ["user_id", "product", "row", "reason"]
    assert long[:3] == ["u-1", "茶" * 21, "2"]
    assert "20" in long[3]
    assert unknown[:3] == ["u-9", "龙井", "3"]
    assert unknown[3]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("product,at\n茶,2026-11-24\n", "No column says who gets the message."),
        ("openid,userid,user_id\no,1,2\n", "Two columns mean the same"),
        ("openid,product\n", "The audience is empty."),
        ("", "No column says who gets the message."),
    ],
)
def test_a_file_that_cannot_be_used_is_sent_back_with_the_reason(template, text, says):
    campaign = make_campaign(template, audience="upload")
    upload(campaign, text)
    checked(campaign)
    assert campaign.state == "draft"
    assert campaign.reason[0].startswith(says)


def test_a_file_that_is_gone_and_a_held_template_are_told(template):
    campaign = make_campaign(template, audience="upload")
    checked(campaign)
    assert (campaign.state, campaign.reason[0][:8]) == ("draft", "The file")

    template.held_since, template.held_because = timezone.now(), "errcode 40037: x"
    template.save()
    held = checked(make_campaign(template, group=a_group(template.account, 1)))
    assert held.state == "draft"
    assert held.reason[1] == {"because": "errcode 40037: x"}


def test_a_check_that_was_broken_off_begins_anew(template, monkeypatch):
    campaign = make_campaign(template, group=a_group(template.account, 5))
    monkeypatch.setattr("notifier.campaigns.audience.CHUNK", 2)
    states.check(campaign.pk, "writer")
    keep_rows, calls = preflight._keep_rows, []

    def dies(*args):
        calls.append(1)
        if len(calls) == 2:
            raise SystemExit
        keep_rows(*args)

    monkeypatch.setattr(preflight, "_keep_rows", dies)
    with pytest.raises(SystemExit):
        job.check_audience(campaign.pk)
    assert campaign.rows.count() == 2
    Campaign.objects.filter(pk=campaign.pk).update(lease_until=ago(seconds=1))
    job.check_audience(campaign.pk)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.total, campaign.rows.count()) == ("checked", 5, 5)


def test_one_that_is_cancelled_while_it_is_checked_stays_cancelled(template, monkeypatch):
    campaign = make_campaign(template, group=a_group(template.account, 3))
    judged = preflight._judged

    def cancelled(*args):
        states.cancel(campaign.pk, "boss")
        return judged(*args)

    monkeypatch.setattr(preflight, "_judged", cancelled)
    checked(campaign)
    assert campaign.state == "cancelled"
    assert campaign.rows.count() == 0


def test_of_an_erased_person_no_values_stay(template):
    person = builders.make_recipient(template.account, user_id="u-1")
    campaign = make_campaign(template, audience="upload")
    upload(campaign, "user_id,product\nu-1,龙井\n")
    checked(campaign)
    erase(person)
    assert campaign.rows.get().data == {}


def test_without_a_file_there_is_no_file_of_errors(template):
    group = a_group(template.account, 2)
    group.recipients.update(state="unfollowed")
    campaign = make_campaign(template, audience="upload", group=group)
    upload(campaign, "user_id\nnobody\n")
    checked(campaign)
    assert files.errors(campaign.pk).exists()
    Campaign.objects.filter(pk=campaign.pk).update(audience="group")
    checked(campaign)
    assert campaign.problems == {"recipient_unfollowed": 2}
    assert not files.errors(campaign.pk).exists()
