"""Who may call: 401 with WWW-Authenticate for everybody without a valid key."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from notifier.models import ApiClient, ApiKey
from tests import builders
from tests.api.conftest import URL, assert_problem


def call(body, key):
    client = APIClient(raise_request_exception=False)
    headers = {} if key is None else {"Authorization": key}
    return client.post(URL, body, format="json", headers=headers)


def assert_refused(response):
    assert_problem(response, 401)
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer hy_wrong", "Basic aHk6", "hy_x", "Bearer \xe9\xff"],
)
def test_a_missing_or_wrong_key_is_refused(body, header):
    assert_refused(call(body, header))


def test_a_revoked_key_is_refused(body, service):
    key = service.make_key()
    ApiKey.objects.update(revoked_at=timezone.now())
    assert_refused(call(body, f"Bearer {key}"))


def test_an_expired_key_is_refused(body, service):
    key = service.make_key(expires_at=timezone.now() - timedelta(seconds=1))
    assert_refused(call(body, f"Bearer {key}"))


def test_a_key_works_until_it_expires(body, service):
    key = service.make_key(expires_at=timezone.now() + timedelta(minutes=1))
    assert call(body, f"bearer {key}").status_code == 202


def test_the_keys_of_an_inactive_client_are_refused(body, service):
    key = service.make_key()
    ApiClient.objects.update(is_active=False)
    assert_refused(call(body, f"Bearer {key}"))


def test_a_message_is_not_shown_without_a_key(service):
    message = builders.make_message(origin=builders.Origin(client=service))
    answer = APIClient().get(f"{URL}/{message.id.hex}")
    assert answer.status_code == 401
    assert message.openid not in answer.content.decode()


def test_a_key_is_not_kept_in_clear(service):
    key = service.make_key()
    stored = ApiKey.objects.values().get()
    assert key not in [str(value) for value in stored.values()]
    assert key.startswith(stored["hint"])


def test_the_use_of_a_key_is_noted(body, service):
    key = service.make_key()
    call(body, f"Bearer {key}")
    noted = ApiKey.objects.get().last_used_at
    call(body, f"Bearer {key}")
    assert noted == ApiKey.objects.get().last_used_at is not None
