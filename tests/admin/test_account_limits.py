"""Somebody who is limited to some accounts finds nothing of the others, on no page, and changes
nothing of them, by no address."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client
from django.urls import resolve, reverse

from notifier.access.accounts import ACCOUNT_OF
from notifier.admin.repair import REPAIRS
from notifier.models import (
    Recipient,
    RecipientGroup,
    Segment,
)
from templates_app.access import limit
from templates_app.models import (
    MessageTemplate,
    OfficialAccount,
)
from tests import builders
from tests.admin.another_account import (
    COUNT,
    ERRCODE,
    MARK,
    Rows,
    chosen,
    make_theirs,
    named,
    of_theirs,
)
from tests.admin.browsing import address, text
from tests.admin.every_page import World, make_world, pages

SUBMITTED = {"_form_submitted": "True"}


@pytest.fixture
def mine(account: OfficialAccount) -> World:
    return make_world(account)


@pytest.fixture
def theirs(db: None) -> Rows:
    return make_theirs()


@pytest.fixture
def person(mine: World) -> Client:
    """May do everything, in one account."""
    return logged_in(mine.rows[OfficialAccount][0])


def logged_in(*accounts: Any, **values: Any) -> Client:
    user = User.objects.create_user("limited", is_staff=True, **values)
    user.user_permissions.set(Permission.objects.all())
    limit(user, OfficialAccount.objects.filter(pk__in=[one.pk for one in accounts]))
    client = Client()
    client.force_login(user)
    return client


def beside() -> Iterator[str]:
    """Pages that no row of the world has."""
    yield from map(reverse, ["admin:sending", "admin:errcodes", "admin:segment-count"])
    yield reverse("admin:errcode", args=[ERRCODE])
    yield reverse("admin:notifier_auditentry_export", args=["csv"])
    for app, model, name in (
        ("templates_app", "templateversion", "template"),
        ("notifier", "segment", "group"),
    ):
        query = f"app_label={app}&model_name={model}&field_name={name}&term="
        yield f"{reverse('admin:autocomplete')}?{query}"


def told(answer: Any) -> str:
    parts = answer.streaming_content if answer.streaming else [answer.content]
    return b"".join(parts).decode()


def shows_theirs(page: str, answer: HttpResponse) -> bool:
    """What one asked for oneself stands in the search box, in links and chosen filters."""
    asked = page.partition("?")[2]
    body = text(answer) if asked else told(answer)
    for values in parse_qs(asked).values():
        body = body.replace(values[0], "")
    return MARK in body or str(COUNT) in body or f"{COUNT:,}" in body


def test_no_page_shows_a_row_of_another_account(person: Client, mine: World, theirs: Rows) -> None:
    wrong = {}
    for page in [*pages(mine), *beside(), *chosen(theirs)]:
        answer = person.get(page, follow=True)
        if answer.status_code not in (200, 403, 404) or shows_theirs(page, answer):
            wrong[page] = answer.status_code
    assert wrong == {}


def test_who_is_not_limited_sees_them(root: Client, mine: World, theirs: Rows) -> None:
    """So that the walk above can find something at all."""
    shown = {page for page in [*pages(mine), *beside()] if shows_theirs(page, root.get(page))}
    lists = {
        address(named(model), "changelist") for model in theirs if model in admin.site._registry
    }
    assert shown >= lists
    for name in ("index", "sending", "errcodes", "followers", "message-test-send"):
        assert reverse(f"admin:{name}") in shown, name


def test_what_reaches_over_all_accounts_is_closed(person: Client, mine: World) -> None:
    closed = ("apiclient", "apikey", "webhookendpoint", "auditentry", "_user_", "_group_")
    closed += ("_profiles_",)
    opened = {}
    for page in pages(mine):
        match = resolve(page.partition("?")[0])
        name = f"_{match.url_name}_"
        is_closed = match.namespace == "django_rq" or any(one in name for one in closed)
        is_closed |= name == "_templates_app_officialaccount_add_"
        if (person.get(page).status_code in (403, 404)) != is_closed:
            opened[page] = is_closed
    assert opened == {}
    start = text(person.get("/admin/"))
    closed = ("API clients", "Webhook endpoints", "Users", "Roles and groups", "Audit trail")
    for title in (*closed, "Queues", "Profiles"):
        assert title not in start


def snapshot() -> list[Any]:
    found: list[Any] = []
    for label, path in ACCOUNT_OF.items():
        if path:
            rows = apps.get_model(label)._base_manager.filter(**_marked(path))
            found.append((label, sorted(map(str, rows.values()))))
    return found


def _marked(path: str) -> dict[str, Any]:
    account = OfficialAccount.objects.get(slug=MARK)
    return {path: account.pk}


def test_no_address_leads_to_a_row_of_another_account(
    person: Client, mine: World, theirs: Rows
) -> None:
    before, wrong = snapshot(), {}
    for page in of_theirs(theirs):
        if shows_theirs(page, person.get(page, follow=True)):  # a dialog only asks
            wrong[page] = "shown"
        given = {"post": "yes", "code": "x", "hours": "8", "reason": "x"}
        answer = person.post(page, SUBMITTED | given)
        leads_on = page.endswith(("/erase/", "/test-send/"))  # to a page that is among these
        if answer.status_code not in ((302,) if leads_on else (403, 404, 405)):
            wrong[page] = str(answer.status_code)
    assert wrong == {}
    assert snapshot() == before


def test_no_action_of_a_list_reaches_them(person: Client, mine: World, theirs: Rows) -> None:
    before = snapshot()
    for model, row in theirs.items():
        if model not in admin.site._registry:
            continue
        names = {"delete_selected", *(f"{one}_messages" for one in REPAIRS)}
        names |= {"mark_test", "unmark_test"}
        where = address(named(model), "changelist")
        for name in sorted(names):
            for across in ("0", "1"):
                values = {"action": name, "_selected_action": [str(row.pk)], "post": "yes"}
                values |= {"select_across": across, "confirm": "1", "risk": "1"}
                answer = person.post(where, values, follow=True)
                assert answer.status_code in (200, 403)
    assert snapshot() == before


def test_no_form_takes_another_account(person: Client, mine: World, theirs: Rows) -> None:
    before = snapshot()
    account = theirs[OfficialAccount].pk
    given = {"account": account, "name": "x", "code": "x", "openid": builders.openid()}
    given |= {"template": theirs[MessageTemplate].pk, "title": "x", "content": builders.CONTENT}
    given |= {"wechat_template_id": "x", "state": "following", "fields-TOTAL_FORMS": 0}
    for model in theirs:
        if model in admin.site._registry:
            where = reverse(f"admin:{named(model)}_changelist") + "add/"
            assert person.post(where, given).status_code in (200, 403), model
    template = reverse("admin:message-test-send") + f"?template={theirs[MessageTemplate].pk}"
    data = {f"data-{name}": value for name, value in builders.DATA.items()}
    person.post(template, data | {"recipient": theirs[Recipient].pk})
    for view in ("sending", "followers"):
        answer = person.post(reverse(f"admin:{view}"), {"account": account}, follow=True)
        assert "There is no such account." in text(answer)
    assert snapshot() == before


def test_an_export_holds_only_ones_own(person: Client, mine: World, theirs: Rows) -> None:
    where = reverse("admin:recipients-export")
    answer = person.post(where, {"in_full": "on"})
    assert mine.rows[Recipient][0].openid in told(answer)  # type: ignore[attr-defined]
    assert MARK not in told(person.post(where, {"in_full": "on"}))
    for name, model in (
        ("account", OfficialAccount),
        ("group", RecipientGroup),
        ("segment", Segment),
    ):
        refused = person.post(where, {name: theirs[model].pk})
        assert "Select a valid choice" in text(refused), name


def test_several_accounts_are_seen_together(mine: World, theirs: Rows) -> None:
    both = logged_in(mine.rows[OfficialAccount][0], theirs[OfficialAccount])
    page = text(both.get(address("templates_app_officialaccount", "changelist")))
    assert MARK in page
    assert str(mine.rows[OfficialAccount][0]) in page
    assert both.get(address("notifier_apiclient", "changelist")).status_code == 403


def test_every_model_with_an_account_is_in_the_table() -> None:
    """Else somebody who is limited sees nothing of it. One line in
    `notifier/access/accounts.py`."""
    reaching = {OfficialAccount}
    while True:
        more = {
            model
            for model in apps.get_models()
            if any(
                field.many_to_one or field.one_to_one
                for field in model._meta.concrete_fields
                if field.related_model in reaching
            )
        }
        if more <= reaching:
            break
        reaching |= more
    labels = {model._meta.label for model in reaching}
    assert {label for label in labels if ACCOUNT_OF.get(label) is None} == set()
    registered = {model._meta.label for model in admin.site._registry}
    assert registered - ACCOUNT_OF.keys() == set()


def test_the_walk_meets_a_row_of_every_page(theirs: Rows) -> None:
    with_account = {model for model in admin.site._registry if ACCOUNT_OF[model._meta.label]}
    assert with_account - theirs.keys() == set()


def test_every_admin_page_of_a_model_keeps_to_the_table(mine: World, theirs: Rows) -> None:
    """Whoever writes a ModelAdmin begins with LimitedAdmin."""
    user = User.objects.create_user("nobody", is_staff=True)
    limit(user, OfficialAccount.objects.filter(slug=mine.rows[OfficialAccount][0].slug))  # type: ignore[attr-defined]
    request: Any = type("Request", (), {"user": user, "GET": {}, "method": "GET"})()
    for model, page in admin.site._registry.items():
        rows = page.get_queryset(request)
        if path := ACCOUNT_OF[model._meta.label]:
            assert not rows.filter(**_marked(path)).exists(), model
        else:
            assert not rows.exists(), model
