"""A campaign once more, to those alone whom it surely did not reach."""

import pytest

from notifier.models import Campaign, Message
from notifier.models.fallbacks import FallbackSend
from tests.api.campaigning import URL, checked, do, ended, launched, lines
from tests.campaigns.campaigning import tick


@pytest.fixture
def spent(shop, made):
    """Done: of its twelve messages each has another fate."""
    pk = made(most_failed=100, most_refused=100, most_blocked=100)
    launched(shop, pk)
    ids = ended(pk, "delivered")
    fates = ["failed", "failed", "expired", "undelivered", "unknown", "sent", "failed", "failed"]
    for message, state in zip(ids, fates, strict=False):
        Message.objects.filter(pk=message).update(state=state, errcode=43101)
    Message.objects.filter(pk=ids[6]).update(in_doubt_since="2026-11-24T00:00:00Z")
    FallbackSend.objects.create(message_id=ids[7], cause="refusal", created_at="2026-11-24T00:00Z")
    tick(Campaign.objects.get(pk=pk))
    assert Campaign.objects.get(pk=pk).state == "done"
    return pk, ids


def replayed(client, pk, **body):
    calm = dict.fromkeys(("most_failed", "most_refused", "most_blocked"), 100)
    return do(client, pk, "replay", name="again", canary_percent=0, **calm, **body)


def people(pk):
    return set(Message.objects.filter(campaign=pk).values_list("recipient_id", flat=True))


def of(ids):
    return set(Message.objects.filter(pk__in=ids).values_list("recipient_id", flat=True))


def test_a_replay_reaches_those_alone_whom_it_surely_did_not_reach(shop, spent):
    pk, ids = spent
    child = replayed(shop, pk).json()
    assert child["replay_of"] == pk
    launched(shop, child["id"])
    assert people(child["id"]) == of(ids[:4])


def test_a_replay_of_some_results(shop, spent):
    pk, _ids = spent
    child = replayed(shop, pk, status=["expired"]).json()["id"]
    assert checked(shop, child)["check"]["people"] == 1
    none = replayed(shop, pk, errcode=[99999])
    assert none.status_code == 409
    assert Campaign.objects.count() == 2


def test_two_replays_reach_nobody_twice(shop, spent):
    """Both were made before either was sent."""
    pk, _ids = spent
    first, second = (replayed(shop, pk).json()["id"] for _ in range(2))
    assert checked(shop, second)["check"]["ready"] == 4
    launched(shop, first)
    ended(first, "sent")
    seen = shop.get(f"{URL}/{second}").json()["check"]["checked_at"]
    assert do(shop, second, "launch", checked_at=seen).status_code == 200
    tick(Campaign.objects.get(pk=second))
    assert people(second) == set()
    assert {row["problem"] for row in lines(shop.get(f"{URL}/{second}/results"))} == {"reached"}
    assert replayed(shop, pk).status_code == 409  # a third finds nobody any more


def test_a_replay_of_a_replay(shop, spent):
    pk, ids = spent
    child = replayed(shop, pk).json()["id"]
    launched(shop, child)
    made = ended(child, "failed")
    Message.objects.filter(pk=made[0]).update(state="delivered")
    tick(Campaign.objects.get(pk=child))
    grandchild = replayed(shop, child).json()["id"]
    launched(shop, grandchild)
    assert people(grandchild) == of(made[1:]) < of(ids[:4])


def test_who_is_let_be_tried_again_meanwhile_is_left_out(shop, spent):
    pk, ids = spent
    child = replayed(shop, pk).json()["id"]
    seen = checked(shop, child)["check"]
    assert seen["ready"] == 4
    Message.objects.filter(pk=ids[0]).update(state="queued")
    do(shop, child, "launch", checked_at=seen["checked_at"])
    tick(Campaign.objects.get(pk=child))
    assert people(child) == of(ids[1:4])


def test_what_has_not_ended_is_not_replayed(shop, made):
    pk = made()
    assert replayed(shop, pk).status_code == 409
