"""Every page of the admin opens in both languages, and none shows a secret."""

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from notifier.models import ApiClient, ApiKey, Message, Recipient
from templates_app.models import OfficialAccount
from tests.admin.browsing import address, html
from tests.admin.conftest import SECRETS, WEBHOOK_SECRET, StaffMaker
from tests.admin.every_page import World, make_world, pages
from tests.admin.test_permissions import EVERYTHING_VIEWED

LANGUAGES = ["zh-hans", "en"]


@pytest.fixture
def world(account: OfficialAccount) -> World:
    return make_world(account)


def test_every_model_of_the_admin_is_looked_at(world: World) -> None:
    assert set(admin.site._registry) == set(world.rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_opens(root: Client, world: World, language: str) -> None:
    wrong = {}
    for page in pages(world):
        response = root.get(page, headers={"accept-language": language})
        if response.status_code != 200 or f'<html lang="{language}"' not in html(response):
            wrong[page] = response.status_code
    assert wrong == {}


def secrets_shown(client: Client, world: World) -> set[tuple[str, str]]:
    digest = ApiKey.objects.get().digest
    stored = [*SECRETS.values(), WEBHOOK_SECRET, world.key, digest]
    shown = {page: html(client.get(page)) for page in pages(world)}
    return {(page, secret) for page in shown for secret in stored if secret in shown[page]}


def test_no_page_shows_a_secret(root: Client, world: World) -> None:
    assert secrets_shown(root, world) == set()


def test_no_page_shows_a_secret_to_who_may_only_view(staff: StaffMaker, world: World) -> None:
    """Django writes all fields of a row that one may not change as text, past their widgets."""
    viewer = staff(*EVERYTHING_VIEWED, "notifier.view_apikey")
    assert secrets_shown(viewer, world) == set()
    for model in (OfficialAccount, ApiClient):
        page = address(
            f"{model._meta.app_label}_{model._meta.model_name}", "change", world.rows[model][0].pk
        )
        assert viewer.get(page).status_code == 200


PERSONAL = {
    "openid": "oPERSONALxxxxxxxxxxxxxxxxx01",
    "name": "李雷雷",
    "email": "lilei@example.com",
    "unionid": "uPERSONALxxxxxxxxxxxxxxxxx01",
}


def test_personal_data_stand_on_no_page_until_they_are_revealed(root: Client, world: World) -> None:
    (recipient,) = world.rows[Recipient]
    Recipient.objects.update(**PERSONAL)
    Message.objects.update(openid=PERSONAL["openid"])

    def shown() -> dict[str, set[str]]:
        seen = {page: html(root.get(page)) for page in pages(world)}
        found = {page: {one for one in PERSONAL if PERSONAL[one] in seen[page]} for page in seen}
        return {page: names for page, names in found.items() if names}

    assert shown() == {}
    reveal = address("notifier_recipient", "reveal", recipient.pk)
    root.post(reveal, {"_form_submitted": "True"})
    assert shown() == {address("notifier_recipient", "change", recipient.pk): set(PERSONAL)}


def test_the_login_page_opens_in_both_languages(client: Client, db: None) -> None:
    for language, word in (("zh-hans", "登录"), ("en", "Log in")):
        response = client.get(reverse("admin:login"), headers={"accept-language": language})
        assert response.status_code == 200
        assert word in html(response)


@pytest.mark.parametrize(
    ("model", "action"),
    [("templates_app_officialaccount", "check_connection"), ("notifier_apiclient", "new_key")],
)
def test_a_row_that_is_not_there_is_told_as_a_page(root: Client, model: str, action: str) -> None:
    response = root.post(address(model, action, 999_999), {"_form_submitted": "True"})
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


def test_the_admin_can_be_checked_before_there_is_a_database() -> None:
    """`migrate` checks it first; pytest-django refuses every query here."""
    call_command("check")


def test_queues_stand_in_the_menu_and_not_among_the_models(root: Client) -> None:
    start = html(root.get(reverse("admin:index")))
    assert reverse("django_rq:home") in start
    assert "Django" not in start
