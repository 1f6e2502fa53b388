"""The people of an account by API: upsert, look-up, erasing; each row with its own result."""

import pytest
from rest_framework.test import APIClient

from notifier.models import ApiKey, Recipient, RecipientGroup, RecipientState
from notifier.models.sandbox import make_sandbox
from notifier.recipients.upserting import upsert
from tests import builders
from tests.threads import at_once


@pytest.fixture
def account(transactional_db):
    return builders.make_account()


@pytest.fixture
def where(account):
    return f"/api/v1/accounts/{account.slug}/recipients"


@pytest.fixture
def keeper(service):
    key = service.make_key(scopes=["recipients", "read"])
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}", raise_request_exception=False)


@pytest.fixture
def put(keeper, where):
    return lambda *rows: keeper.put(where, {"recipients": list(rows)}, format="json")


LI = {
    "openid": "oLi",
    "user": "u-1",
    "name": "李雷",
    "email": "li@example.com",
    "phone": "13800138000",
    "unionid": "oU1",
    "groups": ["会员", "杭州"],
    "attributes": {"city": "杭州", "level": 3, "newsletter": True},
}


def statuses(answer):
    assert answer.status_code == 200, answer.content
    return [row["status"] for row in answer.json()["results"]]


def test_what_is_written_is_read(keeper, put, where):
    assert statuses(put(LI)) == ["created"]
    assert statuses(put(LI)) == ["unchanged"]
    found = keeper.get(f"{where}/oLi").json()
    assert found == LI | {
        "phone": "138****8000",
        "groups": ["会员", "杭州"],
        "tags": [],
        "state": "following",
        "followed_at": None,
    } | {"groups": sorted(LI["groups"])}


def test_what_is_not_named_stays_and_null_empties(keeper, put, where):
    put(LI)
    assert statuses(put({"openid": "oLi", "name": "李小雷"})) == ["changed"]
    assert keeper.get(f"{where}/oLi").json()["user"] == "u-1"
    emptied = {"openid": "oLi", "user": None, "phone": None, "email": "", "leave_groups": ["杭州"]}
    assert statuses(put(emptied)) == ["changed"]
    found = keeper.get(f"{where}/oLi").json()
    assert [found[name] for name in ("user", "phone", "email", "name")] == [
        *(None, None, None, "李小雷")
    ]
    assert found["groups"] == ["会员"]
    assert statuses(put(emptied)) == ["unchanged"]


def attributes_of(keeper, where):
    return keeper.get(f"{where}/oLi").json()["attributes"]


def test_an_attribute_is_set_removed_or_stays(keeper, put, where):
    put(LI)
    given = {"openid": "oLi", "attributes": {"level": 4, "newsletter": None, "会员等级": 2.5}}
    assert statuses(put(given)) == ["changed"]
    assert attributes_of(keeper, where) == {"city": "杭州", "level": 4, "会员等级": 2.5}
    assert statuses(put(given, {"openid": "oHan", "attributes": {"gone": None}})) == [
        "unchanged",
        "created",
    ]
    assert statuses(put({"openid": "oLi", "name": "李磊", "attributes": {}})) == ["changed"]
    assert len(attributes_of(keeper, where)) == 3
    assert statuses(put({"openid": "oLi", "attributes": None})) == ["changed"]
    assert attributes_of(keeper, where) == {}
    assert statuses(put({"openid": "oLi", "attributes": None})) == ["unchanged"]


def test_true_is_another_value_than_one(keeper, put, where):
    put({"openid": "oLi", "attributes": {"vip": 1}})
    assert statuses(put({"openid": "oLi", "attributes": {"vip": True}})) == ["changed"]
    assert attributes_of(keeper, where)["vip"] is True


@pytest.mark.parametrize(
    ("attributes", "pointer", "told"),
    [
        ({"a": ["x"]}, "/attributes/a", "neither text, number, boolean nor null"),
        ({"a": {"b": 1}}, "/attributes/a", "neither text"),
        ({"a": "x\0"}, "/attributes/a", "NUL"),
        ({"a": 10**15}, "/attributes/a", "more than 15 digits"),
        ({"a": 10**40}, "/attributes/a", "more than 15 digits"),
        ({"": "x"}, "/attributes/", "no name of an attribute"),
        ({"2026": "x"}, "/attributes/2026", "no name"),
        ({"a/b~": "x"}, "/attributes/a~1b~0", "no name"),
        ({"n" * 65: "x"}, "/attributes/" + "n" * 65, "no name"),
        ({f"n{n}": n for n in range(51)}, "/attributes", "51; at most 50"),
        ({"a": "汉" * 1400}, "/attributes", "4208 bytes as JSON; at most 4096"),
    ],
)
def test_attributes_that_cannot_be_are_named_in_their_row(put, attributes, pointer, told):
    answer = put({"openid": "oBad", "attributes": attributes, "groups": ["x"]}, {"openid": "oGood"})
    assert statuses(answer) == ["rejected", "created"]
    (error,) = answer.json()["results"][0]["errors"]
    assert error["pointer"] == pointer
    assert told in error["detail"]
    assert not RecipientGroup.objects.exists()


def test_what_is_stored_counts_against_the_limit(keeper, put, where):
    put({"openid": "oLi", "attributes": {f"n{n}": n for n in range(50)}})
    one = {"openid": "oLi", "name": "李雷", "attributes": {"more": 1}, "leave_groups": ["x"]}
    put({"openid": "oLi", "groups": ["x"]})
    assert statuses(put(one)) == ["rejected"]
    found = keeper.get(f"{where}/oLi").json()
    assert (found["name"], found["groups"], len(found["attributes"])) == (None, ["x"], 50)
    instead = {"openid": "oLi", "attributes": {"more": 1, "n0": None}}
    assert statuses(put(instead)) == ["changed"]


def test_attributes_that_are_no_object_are_refused(put):
    for given in ("x", 1, [], [{"a": 1}]):
        answer = put({"openid": "oLi", "attributes": given})
        assert answer.status_code == 422
        assert "attributes" in answer.json()["errors"][0]["pointer"]


@pytest.mark.parametrize("is_known", [True, False])
def test_of_many_who_write_at_once_each_keeps_what_it_wrote(account, is_known):
    if is_known:
        upsert(account.pk, [{"openid": "oLi"}])
    at_once(4, lambda n: upsert(account.pk, [{"openid": "oLi", "attributes": {f"n{n}": n}}]))
    assert Recipient.objects.get().attributes == {f"n{n}": n for n in range(4)}


def test_one_alone(keeper, where):
    created = keeper.put(f"{where}/oLi", {"user": "u-1"}, format="json")
    changed = keeper.put(f"{where}/oLi", {"name": "李雷"}, format="json")
    assert [created.status_code, changed.status_code] == [201, 200]
    assert (changed.json()["user"], changed.json()["name"]) == ("u-1", "李雷")
    wrong = keeper.put(f"{where}/oLi", {"phone": "12"}, format="json")
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/phone"


def test_a_wrong_row_keeps_none_of_the_others_back(put):
    rows = [
        LI,
        {"openid": "oBad", "email": "nobody"},
        {"openid": "oHan", "user": "u-2"},
        {"openid": "sandbox-delivered"},
        {"openid": "o x"},
    ]
    answer = put(*rows)
    assert statuses(answer) == ["created", "rejected", "created", "rejected", "rejected"]
    errors = answer.json()["results"][1]["errors"]
    assert (errors[0]["pointer"], errors[0]["detail"]) == ("/email", "It is not an e-mail address.")
    assert set(Recipient.objects.values_list("openid", flat=True)) == {"oLi", "oHan"}


def test_an_id_leads_to_one_person(put):
    assert statuses(put(LI)) == ["created"]
    assert statuses(put({"openid": "oHan", "user": "u-1"})) == ["rejected"]
    twice = put({"openid": "oA", "user": "u-9"}, {"openid": "oB", "user": "u-9"})
    assert statuses(twice) == ["rejected", "rejected"]
    assert not RecipientGroup.objects.filter(name="x").exists()


def test_a_thousand_at_once_and_no_more(put):
    rows = [{"openid": f"o{n}", "user": f"u{n}"} for n in range(1000)]
    assert set(statuses(put(*rows))) == {"created"}
    assert put(*rows, {"openid": "o1000"}).status_code == 422
    assert put().status_code == 422


@pytest.mark.parametrize(
    "row",
    [
        {"user": "u"},
        {"openid": 7},
        {"openid": "o", "colour": "red"},
        {"openid": "o", "name": "a\0b"},
        {"openid": "o", "groups": "会员"},
        {"openid": "o", "groups": [None]},
        {"openid": "o", "name": ["x"]},
    ],
)
def test_what_is_no_recipient_is_refused(put, row):
    answer = put(row)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert not Recipient.objects.exists()


def test_whom_addresses_mean(keeper, put, where):
    put(LI, {"openid": "oHan", "user": "u-2"})
    asked = ["oHan", {"user": "u-1"}, {"phone": "+86 138-0013-8000"}, {"unionid": "oU1"}, "nobody"]
    answer = keeper.post(f"{where}/resolve", {"to": asked}, format="json")
    li, han = ({"openid": name, "state": "following"} for name in ("oLi", "oHan"))
    assert answer.json()["results"] == [han, li, li, li, None]
    faults = {"/to/1": {"user": "a", "openid": "b"}, "/to/1/phone": {"phone": "x"}}
    for pointer, one in faults.items():
        wrong = keeper.post(f"{where}/resolve", {"to": ["oHan", one]}, format="json")
        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["pointer"] == pointer


def test_an_erased_person_is_gone(keeper, put, where, account):
    put(LI)
    person = Recipient.objects.get()
    message = builders.make_message(builders.make_template(account), person)
    assert keeper.delete(f"{where}/oLi").status_code == 204
    assert keeper.get(f"{where}/oLi").status_code == 404
    assert keeper.delete(f"{where}/oLi").status_code == 404
    person.refresh_from_db()
    message.refresh_from_db()
    assert (person.state, person.name, message.state) == (RecipientState.ERASED, "", "cancelled")
    assert person.attributes == {}


def test_who_is_being_sent_to_is_not_erased_now(keeper, put, where, account):
    put(LI)
    message = builders.make_message(builders.make_template(account), Recipient.objects.get())
    builders.set_message(message, state="sending")
    answer = keeper.delete(f"{where}/oLi")
    assert (answer.status_code, answer["Retry-After"]) == (409, "60")
    assert keeper.get(f"{where}/oLi").status_code == 200


def test_other_accounts_are_closed(keeper, put, where):
    put(LI)
    ApiKey.objects.get().accounts.add(builders.make_account())
    assert [keeper.get(f"{where}/oLi").status_code, put(LI).status_code] == [404, 404]
    shown = [row["account"] for row in keeper.get("/api/v1/accounts").json()["data"]]
    assert len(shown) == 1


def test_a_test_key_sees_the_sandbox_alone(service, put, where, account):
    put(LI)
    make_sandbox(account.pk)
    key = service.make_key(scopes=["recipients", "read"], is_test=True)
    tester = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert tester.get(f"{where}/oLi").status_code == 404
    assert tester.get(f"{where}/sandbox-blocked").json()["user"] == "sandbox-blocked"
    for call in (tester.put, tester.delete):
        assert call(f"{where}/sandbox-blocked", {}, format="json").status_code == 403
    assert tester.put(where, {"recipients": [LI]}, format="json").status_code == 403
    asked = {"to": ["oLi", "sandbox-blocked"]}
    found = tester.post(f"{where}/resolve", asked, format="json").json()["results"]
    assert found == [None, {"openid": "sandbox-blocked", "state": "sandbox"}]


def test_a_live_key_sees_no_sandbox(keeper, where, account):
    make_sandbox(account.pk)
    assert keeper.get(f"{where}/sandbox-blocked").status_code == 404
    assert keeper.delete(f"{where}/sandbox-blocked").status_code == 404
    assert keeper.put(f"{where}/sandbox-blocked", {"name": "x"}, format="json").status_code == 422
