"""POST /messages/{id}/cancel: what waits never goes; what is gone is told."""

import pytest
from django.utils import timezone

from notifier.models import Message
from tests import builders
from tests.api.conftest import URL


@pytest.fixture
def message(post, body):
    """Waits for tomorrow."""
    answer = post(body | {"send_at": "2100-01-01T00:00:00Z", "expires_at": "2100-01-02T00:00:00Z"})
    return Message.objects.get(pk=answer.json()["id"])


@pytest.fixture
def cancel(api, message):
    return lambda: api.post(f"{URL}/{message.id.hex}/cancel")


def test_it_is_cancelled_and_once_more_changes_nothing(cancel, message, service):
    first, again = cancel(), cancel()
    assert [answer.status_code for answer in (first, again)] == [200, 200]
    assert first.json()["status"] == again.json()["status"] == "cancelled"
    event = message.events.get()
    assert (event.state, event.detail) == ("cancelled", service.name)


@pytest.mark.parametrize("state", ["sending", "sent", "delivered", "failed", "expired"])
def test_too_late(cancel, message, state):
    builders.set_message(message, state=state)
    answer = cancel()
    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:hongyan:problem:too-late"
    assert state in answer.json()["detail"]
    message.refresh_from_db()
    assert message.state == state


def test_what_wechat_may_have_got_already_is_not_called_cancelled(cancel, message):
    builders.set_message(message, in_doubt_since=timezone.now())
    assert cancel().json()["status"] == "unknown"


def test_anothers_message_is_not_found(api, template):
    other = builders.make_message(template)
    answer = api.post(f"{URL}/{other.id.hex}/cancel")
    assert answer.status_code == 404
    other.refresh_from_db()
    assert other.state == "queued"
