"""A campaign that is not launched is changed by API: by the rules of its creation."""

import pytest

from notifier.campaigns.files import files
from notifier.models import AuditEntry, Campaign, Priority, RecipientGroup
from tests import builders
from tests.api.campaigning import URL, caller, checked, do, launched


def patch(client, pk, **body):
    return client.patch(f"{URL}/{pk}", body, format="json")


CHANGES = {
    "name": "双十二",
    "data": {"product": "茶"},
    "priority": "normal",
    "send_at": "2099-01-01T08:00:00+00:00",
    "zone": "Europe/Berlin",
    "pace": 7,
    "canary_percent": 3,
    "canary_minutes": 4,
    "most_failed": 1.5,
    "most_refused": 2,
    "most_blocked": 3,
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_named_is_set_and_the_rest_stays(shop, made, name):
    pk = made()
    before = shop.get(f"{URL}/{pk}").json()
    answer = patch(shop, pk, **{name: CHANGES[name]})
    assert answer.status_code == 200, answer.content
    assert answer.json() == before | {name: CHANGES[name]}
    assert shop.get(f"{URL}/{pk}").json() == answer.json()


def test_null_empties_what_may_be_empty(shop, made):
    pk = made(**{name: CHANGES[name] for name in ("send_at", "zone", "pace")})
    changed = patch(shop, pk, send_at=None, zone=None, pace=None).json()
    assert (changed["send_at"], changed["zone"], changed["pace"]) == (None, "Asia/Shanghai", None)
    assert patch(shop, pk, name=None).status_code == 422


def test_a_change_voids_the_check_and_the_same_again_does_not(shop, made):
    pk = made()
    seen = checked(shop, pk)["check"]
    same = patch(shop, pk, name="双十一", data=builders.DATA, pace=None, most_failed=5)
    assert (same.json()["status"], same.json()["check"]) == ("checked", seen)
    changed = patch(shop, pk, name="双十二").json()
    assert (changed["status"], changed["check"]) == ("draft", None)
    assert do(shop, pk, "launch", checked_at=seen["checked_at"]).status_code == 409
    checked(shop, pk)
    assert patch(shop, pk, name="双十二").json()["status"] == "checked"


def test_once_launched_it_is_not_changed_until_it_is_taken_back(shop, made):
    pk = made(send_at="2099-01-01T00:00:00Z")
    launched(shop, pk)
    refused = patch(shop, pk, name="x")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:hongyan:problem:not-now")
    assert "“scheduled”" in refused.json()["detail"]
    assert Campaign.objects.get().name == "双十一"
    do(shop, pk, "withdraw")
    assert patch(shop, pk, name="x").status_code == 200
    do(shop, pk, "check")
    assert patch(shop, pk, name="y").status_code == 409  # while it is checked


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"template": "nothing"}, "/template"),
        ({"audience": {}}, "/audience"),
        ({"audience": {"group": "nobody"}}, "/audience/group"),
        ({"send_at": "2020-01-01T00:00:00Z"}, "/send_at"),
        ({"zone": "Mars/Olympus"}, "/zone"),
        ({"pace": 0}, "/pace"),
        ({"priority": "urgent"}, "/priority"),
        ({"data": {"x": "a\0"}}, "/data/x"),
        ({"name": ""}, "/name"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_changed(shop, made, changes, pointer):
    pk = made()
    seen = checked(shop, pk)
    answer = patch(shop, pk, **{"name": "other"} | changes)
    assert answer.status_code == 422, answer.content
    assert answer.json()["errors"][0]["pointer"] == pointer
    found = shop.get(f"{URL}/{pk}").json()
    assert (found["name"], found["check"]) == ("双十一", seen["check"])


def test_another_audience(shop, made, template):
    other = RecipientGroup.objects.create(account=template.account, name="other")
    pk = made()
    assert patch(shop, pk, audience={"group": "other"}).json()["audience"] == {"group": "other"}
    rows = patch(shop, pk, audience={"rows": True}).json()["audience"]
    assert rows == {"rows": True, "file": None}
    shop.generic("PUT", f"{URL}/{pk}/rows", b"user_id\nu-1\n", content_type="text/csv")
    assert patch(shop, pk, audience={"rows": True}).json()["audience"]["file"] == "rows.csv"
    assert files.upload(pk).exists()
    assert patch(shop, pk, audience={"group": "other"}).json()["audience"] == {"group": "other"}
    assert not files.upload(pk).exists()
    assert Campaign.objects.get().upload_name == ""
    assert Campaign.objects.get().group == other


def test_another_template_with_what_belongs_to_its_account(shop, made):
    pk = made()
    other = builders.make_template(code="other")
    RecipientGroup.objects.create(account=other.account, name="theirs")
    alone = patch(shop, pk, template="other")
    assert alone.json()["errors"][0]["pointer"] == "/audience"
    both = patch(shop, pk, template="other", audience={"group": "theirs"}).json()
    assert (both["template"], both["account"]) == ("other", other.account.slug)
    assert patch(shop, pk, audience={"group": "theirs"}).status_code == 200


def test_the_key_holds_for_changes_as_well(service, asked):
    client = caller(service, "campaigns", highest_priority=Priority.BULK)
    pk = client.post(URL, asked, format="json").json()["id"]
    assert patch(client, pk, priority="normal").json()["errors"][0]["pointer"] == "/priority"
    assert patch(client, pk, name="x").status_code == 200


def test_anothers_campaign_is_not_there(made, service):
    pk = made()
    other = caller(builders.make_client(), "campaigns")
    assert patch(other, pk, name="x").status_code == 404
    assert patch(other, 10**17, name="x").status_code == 404
    assert patch(caller(service, "send", "read", "approve"), pk, name="x").status_code == 403
    assert patch(caller(service, "campaigns", is_test=True), pk, name="x").status_code == 403


def test_who_changed_it_is_written_down_and_does_not_approve_it(shop, made, service):
    pk = made()
    patch(shop, pk, name="双十二")
    entry = AuditEntry.objects.filter(action="change").latest("pk")
    assert (entry.object_type, entry.object_id) == ("notifier.campaign", str(pk))
    assert "双十二" in entry.after
    assert Campaign.objects.get().editors == [f"API: {service.name}"]
