"""What tests of campaigns by API do again and again."""

import json

from rest_framework.test import APIClient

from notifier.campaigns import job
from notifier.models import Campaign, Message, State
from tests.campaigns.campaigning import tick

URL = "/api/v1/campaigns"


def caller(client, *scopes, **values):
    key = client.make_key(scopes=scopes, **values)
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}", raise_request_exception=False)


def do(client, pk, action, **body):
    return client.post(f"{URL}/{pk}/{action}", body, format="json")


def checked(client, pk):
    assert do(client, pk, "check").json()["status"] == "checking"
    job.check_audience(pk)
    return client.get(f"{URL}/{pk}").json()


def launched(client, pk):
    seen = checked(client, pk)["check"]["checked_at"]
    answer = do(client, pk, "launch", checked_at=seen)
    assert answer.json()["status"] == "scheduled", answer.content
    tick(Campaign.objects.get(pk=pk))


def ended(pk, state, **values):
    rows = Message.objects.filter(campaign=pk, state=State.QUEUED)
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    rows.update(state=state, **values)
    return ids


def lines(answer):
    assert answer.status_code == 200
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
