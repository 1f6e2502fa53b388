"""The form of a campaign: values, audience, time; bad input is told."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from notifier.campaigns import job
from notifier.campaigns.files import files
from notifier.models import Campaign, Segment
from tests import builders
from tests.admin.browsing import html, text
from tests.admin.campaigning import LIST, add, form, page, someone
from tests.campaigns.campaigning import a_group, checked, make_campaign

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def template():
    return builders.make_template()


def test_it_is_written_and_checked_with_one_button(template):
    group = a_group(template.account, 3)
    answer = add(someone("sender"), template, group=group.pk, _check="")
    campaign = Campaign.objects.get()
    assert answer.url == f"{LIST}{campaign.pk}/change/"
    assert (campaign.state, campaign.created_by) == ("checking", "sender")
    assert campaign.version == template.published
    assert campaign.data == {
        "order_no": "A-1",
        "product": "云南白茶",
        "at": "2026-11-24 10:00",
    }
    job.check_audience(campaign.pk)
    shown = page(someone("sender"), campaign)
    assert "Will be sent" in shown
    assert "云南白茶" in shown


def test_an_uploaded_audience(template):
    builders.make_recipient(template.account, user_id="u-1")
    client = someone("sender")
    file = SimpleUploadedFile("名单.csv", "user_id,product\nu-1,龙井\nu-2,龙井\n".encode())
    add(client, template, audience="upload", file=file, _check="")
    campaign = Campaign.objects.get()
    assert campaign.upload_name == "名单.csv"
    job.check_audience(campaign.pk)
    shown = page(client, campaign)
    assert "nobody the account knows" in shown
    assert "Row 3: among the longest texts." in shown
    errors = client.get(reverse("admin:campaign-errors", args=[campaign.pk]))
    assert "u-2" in b"".join(errors.streaming_content).decode("utf-8-sig")
    assert (
        someone("auditor").get(reverse("admin:campaign-errors", args=[campaign.pk])).status_code
        == 403
    )


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"audience": "group"}, "Choose a group."),
        ({"audience": "segment"}, "Choose a segment."),
        ({"audience": "upload"}, "Choose a file."),
        ({"name": ""}, "This field is required."),
        ({"pace": "0"}, "greater than or equal to 1"),
        ({"most_failed": "101"}, "less than or equal to 100"),
        ({"send_at": "2020-01-01T10:00"}, "It lies in the past."),
        ({"zone": "Mars/Olympus"}, "not one of the available choices"),
    ],
)
def test_bad_input_is_told(template, values, says):
    answer = add(someone("sender"), template, **values)
    assert says in html(answer)
    assert not Campaign.objects.exists()


def test_another_accounts_segment_cannot_be_chosen(template):
    other = Segment.objects.create(account=builders.make_account(), name="theirs")
    answer = add(someone("sender"), template, audience="segment", segment=other.pk)
    assert "not one of the available choices" in html(answer)


def test_the_time_is_of_the_zone_that_was_chosen(template):
    group = a_group(template.account, 1)
    add(
        someone("sender"),
        template,
        group=group.pk,
        send_at="2126-12-01T10:00",
        zone="America/New_York",
    )
    campaign = Campaign.objects.get()
    assert campaign.send_at.isoformat() == "2126-12-01T15:00:00+00:00"
    shown = page(someone("sender"), campaign)
    assert "2126-12-01 10:00 (America/New_York)" in shown
    assert (
        'value="2126-12-01T10:00"'
        in someone("sender").get(f"{LIST}{campaign.pk}/change/").content.decode()
    )


def test_a_change_takes_the_check_back(template):
    campaign = checked(make_campaign(template, group=a_group(template.account, 2)))
    client = someone("sender")
    values = form(template, name="新名字", group=campaign.group_id)
    client.post(f"{LIST}{campaign.pk}/change/", values)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.name) == ("draft", "新名字")
    assert campaign.editors == ["writer", "sender"]


def test_an_input_has_the_label_of_its_field_however_the_pattern_is_written():
    patterns = {
        "character_string1": "{{order_no}}",
        "thing2": "茶：{{\tproduct }}",
        "time3": "{{ at}}",
    }
    template = builders.make_template(patterns=patterns)
    shown = text(someone("sender").get(f"{LIST}add/?template={template.pk}"))
    for label in ("订单号 ", "商品 ", "时间 "):
        assert label in shown


def test_the_file_goes_when_the_audience_is_another_one(template):
    group = a_group(template.account, 1)
    client = someone("sender")
    file = SimpleUploadedFile("a.csv", b"user_id\nu-1\n")
    add(client, template, audience="upload", file=file)
    campaign = Campaign.objects.get()
    assert files.upload(campaign.pk).exists()
    values = form(template, group=group.pk, file=SimpleUploadedFile("b.csv", b"user_id\nu-2\n"))
    client.post(f"{LIST}{campaign.pk}/change/", values)
    campaign.refresh_from_db()
    assert (campaign.audience, campaign.upload_name) == ("group", "")
    assert not files.upload(campaign.pk).exists()
