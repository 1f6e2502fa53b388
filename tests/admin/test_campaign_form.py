"""The form of a campaign: values, audience, time; bad input is told."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from notifier.campaigns import job
from notifier.campaigns.files import files
from notifier.models import Campaign, Segment
from templates_app.publishing import publish
from tests import builders
from tests.admin.browsing import faults, html, text
from tests.admin.browsing import form as form_on
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


def test_values_keep_their_names_when_another_version_is_published_meanwhile(template):
    group = a_group(template.account, 1)
    values = form(template, group=group.pk)
    other = {
        "character_string1": "{{ code }}",
        "thing2": "{{ at }}",
        "time3": "{{ order_no }}",
    }
    publish(builders.make_version(template, patterns=other), by="test")
    template.refresh_from_db()
    client = someone("sender")
    where = f"{LIST}add/?template={template.pk}"
    answer = client.post(where, values)
    assert not Campaign.objects.exists()
    assert "Another version of the template has been published" in text(answer)
    again = form_on(answer, "campaign_form")
    assert [again[f"value_{number}"] for number in range(3)] == ["", "2026-11-24 10:00", "A-1"]
    assert (again["name"], again["shown_version"]) == ("双十一", str(template.published_id))

    client.post(where, {**again, "value_0": "C-1", "group": group.pk})
    campaign = Campaign.objects.get()
    assert campaign.version_id == template.published_id
    assert campaign.data == {"code": "C-1", "at": "2026-11-24 10:00", "order_no": "A-1"}


@pytest.mark.parametrize("shown", ["", "x", "999999"])
def test_a_form_of_no_known_version_is_not_guessed_at(template, shown):
    group = a_group(template.account, 1)
    answer = add(someone("sender"), template, group=group.pk, shown_version=shown)
    assert "Another version of the template has been published" in text(answer)
    assert not Campaign.objects.exists()


@pytest.mark.parametrize("meanwhile", ["checking", "submitted", "running", "cancelled"])
def test_what_was_written_is_not_lost_when_a_colleague_was_faster(template, meanwhile):
    campaign = make_campaign(template, group=a_group(template.account, 1), state=meanwhile)
    file = SimpleUploadedFile("a.csv", b"user_id\nu-1\n")
    values = form(template, name="新名字", audience="upload", file=file)
    answer = someone("sender").post(f"{LIST}{campaign.pk}/change/", values)
    shown = text(answer)
    assert "Nothing was saved." in shown
    assert f"The campaign is “{campaign.get_state_display()}”" in shown
    assert form_on(answer, "campaign_form")["name"] == "新名字"
    assert faults(answer)["file"] == "Choose the file again: a browser does not keep it."
    assert "every 2s" not in html(answer)  # nothing takes the page away
    assert "/do/" not in html(answer)
    campaign.refresh_from_db()
    assert (campaign.name, campaign.state, campaign.editors) == ("双十一", meanwhile, [])
    assert not files.upload(campaign.pk).exists()


def test_a_form_with_an_error_takes_no_check_back_and_asks_for_the_file_again(template):
    campaign = checked(make_campaign(template, group=a_group(template.account, 2)))
    file = SimpleUploadedFile("a.csv", b"user_id\nu-1\n")
    values = form(template, audience="upload", file=file, pace="0")
    answer = someone("sender").post(f"{LIST}{campaign.pk}/change/", values)
    assert set(faults(answer)) == {"pace", "file"}
    assert "Choose the file again" in text(answer)
    campaign.refresh_from_db()
    assert campaign.state == "checked"


def test_who_may_not_write_cannot_post_the_form(template):
    campaign = make_campaign(template, group=a_group(template.account, 1))
    answer = someone("auditor").post(f"{LIST}{campaign.pk}/change/", form(template, name="x"))
    assert answer.status_code == 403
