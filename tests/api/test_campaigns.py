"""Campaigns by API: written, checked, approved by another, sent, stopped, told."""

import csv
import json
from io import StringIO

import pytest

from notifier.campaigns.files import files
from notifier.models import Campaign, Message
from templates_app.compiled import published
from tests import builders
from tests.api.campaigning import URL, caller, checked, do, ended, launched, lines
from tests.builders import now
from tests.campaigns.campaigning import tick


def test_a_campaign_from_its_draft_to_its_results(shop, made, service):
    pk = made()
    found = checked(shop, pk)
    assert (found["status"], found["check"]["people"], found["check"]["ready"]) == (
        "checked",
        12,
        12,
    )
    assert found["check"]["needs_approval"] is False
    assert found["forecast"]["remaining"] == 12
    answer = do(shop, pk, "launch", checked_at=found["check"]["checked_at"])
    assert answer.json()["status"] == "scheduled"
    campaign = tick(Campaign.objects.get(pk=pk))
    assert Message.objects.filter(campaign=pk, client=service).count() == 12
    ended(pk, "delivered")
    tick(campaign)
    done = shop.get(f"{URL}/{pk}").json()
    assert (done["status"], done["messages"]) == ("done", {"delivered": 12})
    rows = lines(shop.get(f"{URL}/{pk}/results"))
    assert [row["row"] for row in rows] == list(range(1, 13))
    assert {row["status"] for row in rows} == {"delivered"}
    read = caller(service, "read")
    assert len(read.get("/api/v1/messages").json()["data"]) == 12


def test_results_say_what_is_no_longer_kept(shop, made):
    pk = made()
    found = checked(shop, pk)
    do(shop, pk, "launch", checked_at=found["check"]["checked_at"])
    tick(Campaign.objects.get(pk=pk))
    Message.objects.filter(campaign=pk).delete()
    assert {row["status"] for row in lines(shop.get(f"{URL}/{pk}/results"))} == {"deleted"}
    Campaign.objects.filter(pk=pk).update(audience_deleted_at=now())
    answer = shop.get(f"{URL}/{pk}/results")
    assert (answer.status_code, answer.json()["type"]) == (
        410,
        "urn:hongyan:problem:audience-deleted",
    )


def test_a_draft_whose_audience_was_deleted_gets_another(shop, made):
    pk = made(audience={"rows": True})
    Campaign.objects.filter(pk=pk).update(audience_deleted_at=now(), forgotten_at=now())
    row = json.dumps({"user": "u-1"}).encode()
    shop.generic("PUT", f"{URL}/{pk}/rows", row, content_type="application/x-ndjson")
    campaign = Campaign.objects.get(pk=pk)
    assert (campaign.audience_deleted_at, campaign.forgotten_at) == (None, None)


def test_an_uploaded_audience_with_values_row_by_row(shop, made, template):
    people = [builders.make_recipient(template.account, user_id=f"u-{n}") for n in range(3)]
    variable = published(template.published_id).variables[0]
    pk = made(audience={"rows": True})
    asked = b"\n".join(
        json.dumps(row).encode()
        for row in [
            {"openid": people[0].openid, "data": {variable: "=1+1"}},
            {"user": "u-1"},
            {"user": "nobody"},
        ]
    )
    answer = shop.generic("PUT", f"{URL}/{pk}/rows", asked, content_type="application/x-ndjson")
    assert answer.json()["audience"] == {"rows": True, "file": "rows.ndjson"}
    found = checked(shop, pk)
    assert (found["check"]["ready"], found["check"]["problems"]) == (2, {"unknown_recipient": 1})
    launched(shop, pk)
    sent = Message.objects.get(campaign=pk, recipient=people[0])
    assert "=1+1" in sent.payload
    assert "'=1+1" not in sent.payload
    rows = lines(shop.get(f"{URL}/{pk}/results"))
    assert [row["row"] for row in rows] == [1, 2, 3]
    assert [row["status"] for row in rows] == ["queued", "queued", "left_out"]
    assert rows[2]["problem"] == "unknown_recipient"


@pytest.mark.parametrize(
    ("sent", "kind", "wrong"),
    [
        (
            b'\n{"user":"u-1","data":{"%s":"a"}}\n \r\n\n{"user":"nobody"}\n',
            "application/x-ndjson",
            5,
        ),
        (b"user_id,%s\nu-1,a\n\nnobody,\n", "text/csv", 4),
    ],
)
def test_a_row_is_the_line_of_what_was_sent(shop, made, template, sent, kind, wrong):
    """Blank lines count, and in a CSV its headers."""
    builders.make_recipient(template.account, user_id="u-1")
    variable = published(template.published_id).variables[0].encode()
    pk = made(audience={"rows": True})
    answer = shop.generic("PUT", f"{URL}/{pk}/rows", sent % variable, content_type=kind)
    assert answer.status_code == 200, answer.content
    checked(shop, pk)
    rows = lines(shop.get(f"{URL}/{pk}/results"))
    assert [(row["row"], row["status"]) for row in rows] == [(2, "waiting"), (wrong, "left_out")]
    told = list(csv.DictReader(StringIO(files.errors(pk).read_text("utf-8-sig"))))
    assert [row["row"] for row in told] == [str(wrong)]


def test_a_csv_as_an_audience(shop, made, template):
    builders.make_recipient(template.account, user_id="u-1")
    pk = made(audience={"rows": True})
    where = f"{URL}/{pk}/rows"
    assert shop.generic("PUT", where, b"user_id\nu-1\n", content_type="text/csv").status_code == 200
    assert checked(shop, pk)["check"]["ready"] == 1
    # Another one takes its place, and what was found holds no more.
    again = shop.generic("PUT", where, b"user_id\nnobody\n", content_type="text/csv; charset=utf-8")
    assert (again.json()["status"], again.json()["check"]) == ("draft", None)


@pytest.mark.parametrize(
    ("sent", "kind", "status", "pointer"),
    [
        (b'{"openid":"a"}\n{"openid":"a","user":"b"}', "application/x-ndjson", 422, "/lines/2"),
        (b'{"colour":"a"}', "application/x-ndjson", 422, "/lines/1/colour"),
        (b'{"openid":"a","data":{"nothing":"x"}}', "application/x-ndjson", 422, None),
        (b'{"openid":"a","data":{"x":"a\\u0000"}}', "application/x-ndjson", 422, None),
        (b"not json", "application/x-ndjson", 422, "/lines/1"),
        (b"x", "application/json", 415, None),
    ],
)
def test_rows_that_are_wrong_are_named_and_none_is_kept(shop, made, sent, kind, status, pointer):
    pk = made(audience={"rows": True})
    answer = shop.generic("PUT", f"{URL}/{pk}/rows", sent, content_type=kind)
    assert answer.status_code == status, answer.content
    if pointer:
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert shop.get(f"{URL}/{pk}").json()["audience"]["file"] is None


def test_a_large_one_is_approved_by_another_who_has_seen_it(shop, boss, made, template):
    template.account.campaign_approval_from = 10
    template.account.save()
    pk = made()
    seen = checked(shop, pk)["check"]["checked_at"]
    assert do(boss, pk, "approve", checked_at=seen).status_code == 404  # not handed in yet
    assert do(shop, pk, "launch", checked_at=seen).json()["status"] == "submitted"
    assert do(shop, pk, "approve", checked_at=seen).status_code == 403
    own = caller(Campaign.objects.get(pk=pk).client, "campaigns", "approve")
    refused = do(own, pk, "approve", checked_at=seen)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:hongyan:problem:not-now")
    assert "Somebody else must approve it" in refused.json()["detail"]
    assert [row["id"] for row in boss.get(URL).json()["data"]] == [pk]
    other = do(boss, pk, "approve", checked_at="2026-01-01T00:00:00Z")
    assert other.status_code == 409
    approved = do(boss, pk, "approve", checked_at=seen)
    assert (approved.status_code, approved.json()["status"]) == (200, "scheduled")
    assert Campaign.objects.get(pk=pk).state == "scheduled"
    assert Campaign.objects.get(pk=pk).approved_by == "API: boss"


def test_it_is_paused_resumed_and_cancelled(shop, made):
    pk = made()
    launched(shop, pk)
    assert do(shop, pk, "pause").json()["status"] == "paused"
    assert do(shop, pk, "pause").status_code == 409
    assert do(shop, pk, "resume").json()["status"] == "running"
    assert do(shop, pk, "cancel").json()["status"] == "cancelled"
    assert do(shop, pk, "resume").status_code == 409


def test_the_same_request_makes_one(shop, asked):
    headers = {"Idempotency-Key": "k"}
    answers = [shop.post(URL, asked, format="json", headers=headers) for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert answers[1]["Idempotent-Replayed"] == "true"
    other = shop.post(URL, asked | {"name": "x"}, format="json", headers=headers)
    assert other.status_code == 422
    assert Campaign.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"template": "nothing"}, "/template"),
        ({"audience": {}}, "/audience"),
        ({"audience": {"group": "nobody"}}, "/audience/group"),
        ({"audience": {"group": "a", "tag": "b"}}, "/audience"),
        ({"send_at": "2020-01-01T00:00:00Z"}, "/send_at"),
        ({"zone": "Mars/Olympus"}, "/zone"),
        ({"pace": 0}, "/pace"),
        ({"most_failed": 101}, "/most_failed"),
        ({"priority": "urgent"}, "/priority"),
        ({"data": {"x": "a\0"}}, "/data/x"),
        ({"name": ""}, "/name"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_what_is_wrong_is_named(shop, asked, changes, pointer):
    answer = shop.post(URL, asked | changes, format="json")
    assert answer.status_code == 422, answer.content
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not Campaign.objects.exists()


def test_its_people_count_against_the_keys_limit(service, asked):
    client = caller(service, "campaigns", per_day=11)
    pk = client.post(URL, asked, format="json").json()["id"]
    seen = checked(client, pk)["check"]["checked_at"]
    assert do(client, pk, "launch", checked_at=seen).status_code == 422
    assert Campaign.objects.get().state == "checked"


def test_others_campaigns_and_test_keys(shop, boss, made, service, asked):
    pk = made()
    other = caller(builders.make_client(), "campaigns")
    assert other.get(f"{URL}/{pk}").status_code == 404
    assert do(other, pk, "cancel").status_code == 404
    assert boss.get(f"{URL}/{pk}").status_code == 404  # it waits for no approval
    assert do(boss, pk, "cancel").status_code == 403
    tester = caller(service, "campaigns", is_test=True)
    for answer in (tester.get(URL), tester.post(URL, asked, format="json")):
        assert answer.status_code == 403
        assert answer.json()["type"].endswith("test-key")
