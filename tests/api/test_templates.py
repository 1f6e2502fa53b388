"""What can be sent: templates with variables and an example, previews, figures."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from notifier.models import ApiKey, Message, MessageCount
from notifier.models.counts import Tally, add_counts
from templates_app.compiled import published
from tests import builders
from tests.api.conftest import URL, assert_problem

TEMPLATES = "/api/v1/templates"


def test_a_template_tells_all_that_a_service_must_know(api, template):
    found = api.get(f"{TEMPLATES}/{template.code}").json()
    assert (found["code"], found["account"], found["held"]) == (
        template.code,
        template.account.slug,
        None,
    )
    assert set(found["variables"]) == set(builders.DATA)
    things = [field for field in found["fields"] if field["type"] == "thing"]
    assert things
    assert all(field["limit"] == 20 for field in things)
    assert found == next(
        row for row in api.get(TEMPLATES).json()["data"] if row["code"] == template.code
    )


def test_its_example_can_be_sent(template, service):
    """With a test key, as it stands."""
    rendered = published(template.published_id).render(builders.DATA)
    for field in template.published.fields.all():
        template.published.fields.filter(pk=field.pk).update(sample=rendered.data[field.key])
    key = service.make_key(is_test=True)
    tester = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")
    example = tester.get(f"{TEMPLATES}/{template.code}").json()["example"]
    answer = tester.post(URL, example, format="json")
    assert answer.status_code == 202, answer.content


def test_drafts_and_what_is_closed_to_the_key_are_not_listed(api, template):
    draft = builders.make_template(template.account)
    draft.published = None
    draft.save()
    other = builders.make_template()
    assert [row["code"] for row in api.get(TEMPLATES).json()["data"]] == sorted(
        [template.code, other.code]
    )
    key = ApiKey.objects.get()
    key.accounts.add(template.account)
    assert [row["code"] for row in api.get(TEMPLATES).json()["data"]] == [template.code]
    for code in (draft.code, other.code, "nothing"):
        assert_problem(api.get(f"{TEMPLATES}/{code}"), 404)


def test_pages(api, template):
    codes = sorted([template.code, *(builders.make_template().code for _ in range(4))])
    seen, after = [], {}
    while True:
        page = api.get(TEMPLATES, {"limit": 2} | after).json()
        seen += [row["code"] for row in page["data"]]
        if not page["has_more"]:
            break
        after = {"after": page["next"]}
    assert seen == codes
    assert_problem(api.get(TEMPLATES, {"after": "\0"}), 422)


def test_a_preview_is_what_would_be_sent(api, template):
    where = f"{TEMPLATES}/{template.code}/preview"
    shown = api.post(where, {"data": builders.DATA}, format="json").json()
    assert shown["template_version"] == template.published.number
    values = [row["value"] for row in shown["card"]["rows"]]
    assert set(shown["data"].values()) == set(values)
    bad = api.post(where, {"data": {}}, format="json")
    assert_problem(bad, 422, code="missing_variable")
    assert not Message.objects.exists()


def test_figures_by_hour_and_by_day(api, template):
    now = timezone.now()
    of = (template.account_id, template.pk)
    for when, count in ((now, 3), (now - timedelta(days=2), 4)):
        add_counts({(*of, "delivered", 0): Tally(count), (*of, "answer", 43004): Tally(1)}, when)
    builders.make_template()
    assert MessageCount.objects.exists()
    where = f"{TEMPLATES}/{template.code}/counts"
    (hour,) = api.get(where).json()["data"]
    assert (hour["statuses"], hour["errcodes"]) == ({"delivered": 3}, {"43004": 1})
    days = api.get(where, {"by": "day"}).json()["data"]
    assert [day["statuses"]["delivered"] for day in days] == [4, 3]
    since = (now - timedelta(days=3)).isoformat()
    assert len(api.get(where, {"since": since}).json()["data"]) == 2


@pytest.mark.parametrize(
    "query",
    [
        {"by": "week"},
        {"since": "x"},
        {"since": "2026-01-01T00:00:00Z"},
        {"since": "2100-01-01T00:00:00Z"},
        {"until": "\0"},
    ],
)
def test_wrong_spans_are_named(api, template, query):
    answer = api.get(f"{TEMPLATES}/{template.code}/counts", query)
    assert_problem(answer, 422)
    assert answer.json()["detail"].split(":")[0] in ("by", "since", "until")
