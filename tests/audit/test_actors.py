"""Who acted: a user of the admin, a calling service, a command, Hongyan itself."""

import os
import pwd
import runpy
import sys
import uuid
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory

from notifier.api.views import Endpoint
from notifier.audit.anchors import Daily, newest
from notifier.dispatch import holds
from notifier.models import ApiClient, AuditEntry, Message, Scope, State
from notifier.observability.requests import client_address
from templates_app.models import MessageTemplate, OfficialAccount
from tests import builders
from tests.api.conftest import URL
from tests.audit.conftest import last, trail
from tests.conftest import Platform
from tests.dispatch.test_calm import fault

Work = Callable[[], None]
LOGIN = "/admin/login/"


def test_a_change_in_the_admin_is_its_users(db: None, client: Client) -> None:
    client.force_login(User.objects.create_superuser("anna"))
    row = builders.make_client(name="shop")
    page = reverse("admin:notifier_apiclient_revoke_keys", args=[row.pk])
    row.make_key()
    assert [one.action for one in trail()] == ["login"]
    client.post(
        page, {"_form_submitted": "True"}, REMOTE_ADDR="192.0.2.9", headers={"x-request-id": "r-7"}
    )
    entry = last()
    assert (entry.actor_kind, entry.actor, entry.action) == ("user", "anna", "revoke")
    assert (entry.address, entry.request_id) == ("192.0.2.9", "r-7")
    builders.make_client()  # after the request nobody acts any more
    assert last() == entry


ADDRESSES = [
    (0, "10.0.0.1", "198.51.100.7", "10.0.0.1"),
    (1, "10.0.0.1", "", "10.0.0.1"),
    (1, "10.0.0.1", "198.51.100.7", "198.51.100.7"),
    (1, "10.0.0.1", "6.6.6.6, 198.51.100.7", "198.51.100.7"),
    (2, "10.0.0.1", "6.6.6.6, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
    (2, "10.0.0.1", "198.51.100.7", "198.51.100.7"),
    (1, "", "2001:DB8::7", "2001:db8::7"),
    (1, "10.0.0.1", "<script>", ""),
    (0, "", "198.51.100.7", ""),
]


@pytest.mark.parametrize(("proxies", "peer", "forwarded", "expected"), ADDRESSES)
def test_of_forwarded_addresses_only_our_proxies_are_believed(
    settings: Any, proxies: int, peer: str, forwarded: str, expected: str
) -> None:
    settings.PROXY_COUNT = proxies
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)
    assert client_address(request) == expected


def test_logins_and_logouts_are_told(db: None, client: Client) -> None:
    User.objects.create_superuser("anna", password="a good password")
    given = {"username": "anna", "password": "a good password"}
    client.post(LOGIN, given | {"password": "S3cretTypo"})
    client.post(LOGIN, given | {"username": "S3cretInTheWrongBox"})
    client.post(LOGIN, given)
    client.post("/admin/logout/")
    told = [(one.action, one.actor_kind, one.actor) for one in trail()]
    assert told == [
        ("login_failed", "anonymous", "anna"),
        ("login_failed", "anonymous", "S…"),
        ("login", "user", "anna"),
        ("logout", "user", "anna"),
    ]
    assert {one.address for one in trail()} == {"127.0.0.1"}
    assert "S3cret" not in "".join(str(vars(one)) for one in trail())


class Renaming(Endpoint):
    scopes = {"POST": Scope.SEND}

    def post(self, request: Request) -> Response:
        ApiClient.objects.filter(pk=request.user.pk).update(name="renamed")
        return Response({})


def test_a_change_through_the_api_is_its_clients(transactional_db: None) -> None:
    key = builders.make_client(name="shop").make_key()
    request = APIRequestFactory().post("/", HTTP_AUTHORIZATION=f"Bearer {key}")
    assert Renaming.as_view()(request).status_code == 200
    entry = last()
    assert (entry.actor_kind, entry.actor, entry.address) == ("client", "shop", "127.0.0.1")


def test_accepting_sending_and_receipts_write_no_row(
    platform: Platform, service: ApiClient, api: APIClient, work: Work
) -> None:
    person = platform.recipient()
    body = {
        "template": platform.template.code,
        "to": {"openid": person.openid},
        "data": builders.DATA,
    }
    assert api.post(URL, body, format="json").status_code == 202
    work()
    assert Message.objects.get().state == State.SENT
    assert trail() == []


def test_a_template_that_hongyan_holds_is_told(platform: Platform, work: Work) -> None:
    fault(platform, errcode=40037, times=1000)
    builders.copies(platform.message(), holds.REFUSALS - 1)
    work()
    (entry,) = trail()
    assert (entry.action, entry.actor_kind, entry.actor) == ("hold", "system", "hongyan")
    assert entry.object_id == str(platform.template.pk)
    assert "errcode 40037" in entry.after


def manage(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """As if manage.py were called by the shell."""
    monkeypatch.setattr(sys, "argv", ["manage.py", *arguments])
    monkeypatch.setattr(sys, "stdout", StringIO())
    runpy.run_path(str(settings.BASE_DIR / "manage.py"), run_name="__main__")


def test_a_command_is_told_with_the_systems_user(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setenv("USER", "somebody-else")
    manage(monkeypatch, "createsuperuser", "--noinput", "--username=bo", "--email=bo@example.com")
    entry = last()
    assert (entry.action, entry.object_name) == ("add", "bo")
    assert (entry.actor_kind, entry.actor) == ("command", f"createsuperuser ({login})")
    assert uuid.UUID(entry.request_id)
    assert "bo@" not in entry.after


def test_a_rotation_of_keys_is_told(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    builders.make_account()
    manage(monkeypatch, "rotate_encryption")
    told = {one.object_type: (one.action, one.after) for one in trail()}
    action, after = told[OfficialAccount._meta.label_lower]
    assert action == "rotate"
    assert '"rows":1' in after
    assert '"app_secret"' in after


def test_a_migration_writes_no_row(db: None) -> None:
    call_command("migrate", verbosity=0)
    assert trail() == []


def test_the_clock_tells_the_anchor_of_the_days_that_are_over(
    three_days: list[AuditEntry], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="notifier.audit.anchors")
    daily = Daily()
    for _ in range(3):
        daily.tick(three_days[-1].at)
    anchor = newest(before=three_days[-1].day)
    assert [record.getMessage() for record in caplog.records] == [f"audit anchor {anchor}"]
    assert anchor is not None
    assert (anchor.number, anchor.hash) == (4, three_days[7].hash)


def test_the_wrapping_is_done_once() -> None:
    """Django calls ready() once; a second call would record each change twice."""
    assert not hasattr(MessageTemplate.save_base.__wrapped__, "__wrapped__")
