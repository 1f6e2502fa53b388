"""Every page and every action under each role: what opens, what is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.http import HttpResponse
from django.test import Client
from django.urls import resolve, reverse
from django.utils import timezone

from notifier.access import second_factor
from notifier.access.roles import keep
from notifier.admin.repair import REPAIRS
from notifier.models import (
    ApiClient,
    ApiKey,
    Gateway,
    Message,
    Recipient,
    Schedule,
    WebhookDelivery,
    WebhookEndpoint,
)
from templates_app.models import MessageTemplate, OfficialAccount, TemplateVersion
from tests.access.conftest import with_factor
from tests.admin.browsing import address, html
from tests.admin.every_page import World, make_world, pages
from tests.admin.role_tables import ADDS, CHANGES, DELETES, OTHERS, QUEUES, ROLES, SUBMITTED, VIEWS


@pytest.fixture
def world(account: OfficialAccount) -> World:
    made = make_world(account)
    template = made.rows[MessageTemplate][0]
    held = {"held_since": timezone.now(), "held_because": "errcode 40037"}
    MessageTemplate.objects.filter(pk=template.pk).update(**held)
    with_factor(made.rows[User][0])  # type: ignore[arg-type]
    return made


@pytest.fixture(params=ROLES)
def role(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def someone(role: str) -> Client:
    user = User.objects.create_user(f"the-{role}", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def may_open(role: str, page: str) -> bool:
    match = resolve(page.partition("?")[0])
    if match.namespace == "django_rq":
        return role in QUEUES
    name = str(match.url_name)
    if name in OTHERS:
        return role in OTHERS[name]
    model, _, view = name.rpartition("_")
    return model in (ADDS if view == "add" else VIEWS)[role]


def all_pages(world: World) -> list[str]:
    beside = [
        reverse("admin:sending"),
        reverse("admin:errcodes"),
        reverse("admin:group-members"),
        reverse("admin:errcode", args=[43004]),
    ]
    return [*pages(world), *beside, reverse("admin:notifier_auditentry_export", args=["csv"])]


def test_each_page_opens_for_those_whose_it_is(role: str, world: World) -> None:
    client = someone(role)
    wrong = {}
    for page in all_pages(world):
        expected = 200 if may_open(role, page) else 403
        if (status := client.get(page).status_code) != expected:
            wrong[page] = (status, expected)
    assert wrong == {}


def test_only_some_may_save_a_row(role: str, world: World) -> None:
    client = someone(role)
    saved = {}
    for model, rows in world.rows.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        answer = client.post(address(name, "change", rows[0].pk), {})
        saved[name] = answer.status_code != 403
    assert {name for name, may in saved.items() if may} == CHANGES[role]


def test_only_some_may_delete_a_row(role: str, world: World) -> None:
    client = someone(role)
    opened = set()
    for model, rows in world.rows.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        if client.get(address(name, "delete", rows[0].pk)).status_code == 200:
            opened.add(name)
    assert opened == DELETES.get(role, set())


Do = Callable[[Client, World], HttpResponse]


def dialog(model: type[Any], action: str, **values: object) -> Do:
    def do(client: Client, world: World) -> HttpResponse:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        where = address(name, action, world.rows[model][0].pk)
        return client.post(where, SUBMITTED | values)  # type: ignore[return-value]

    return do


def repair(action: str) -> Do:
    def do(client: Client, world: World) -> HttpResponse:
        chosen = {
            "action": f"{action}_messages",
            "_selected_action": [str(world.rows[Message][0].pk)],
        }
        return client.post("/admin/notifier/message/", chosen | {"confirm": "1"})  # type: ignore[return-value]

    return do


def posted(view: str, *args: object, **values: str) -> Do:
    where = reverse(f"admin:{view}", args=args) if ":" not in view else reverse(view, args=args)
    return lambda client, world: client.post(where, values)  # type: ignore[return-value]


def examine(client: Client, world: World) -> HttpResponse:
    where = reverse("admin:account-doctor", args=[world.rows[OfficialAccount][0].pk])
    return client.post(where)  # type: ignore[return-value]


def ask_for_a_profile(client: Client, world: World) -> HttpResponse:
    return client.post(reverse("profiles"), {"process": "0", "what": "threads"})  # type: ignore[return-value]


ACTIONS: dict[str, tuple[Callable[[], Do], set[str]]] = {
    "new version": (lambda: dialog(MessageTemplate, "new_version"), {"author", "administrator"}),
    "release": (
        lambda: dialog(MessageTemplate, "release"),
        {"approver", "administrator"},
    ),
    "sync templates": (
        lambda: dialog(OfficialAccount, "sync_templates"),
        {"author", "administrator"},
    ),
    "check connection": (lambda: dialog(OfficialAccount, "check_connection"), {"administrator"}),
    "examine": (lambda: examine, set(ROLES)),
    "rotate a key": (lambda: dialog(ApiKey, "rotate", hours=1), {"administrator"}),
    "revoke a key": (lambda: dialog(ApiKey, "revoke"), {"administrator"}),
    "revoke keys": (lambda: dialog(ApiClient, "revoke_keys"), {"administrator"}),
    "new secret": (lambda: dialog(WebhookEndpoint, "new_secret"), {"administrator"}),
    "send a ping": (lambda: dialog(WebhookEndpoint, "send_ping"), {"administrator"}),
    "send again": (lambda: dialog(WebhookDelivery, "send_again"), {"sender", "administrator"}),
    "pause": (lambda: dialog(Schedule, "pause"), {"sender", "administrator"}),
    "verify": (lambda: dialog(Gateway, "verify_callback"), {"administrator"}),
    "remove second factor": (lambda: dialog(User, "remove_second_factor"), {"administrator"}),
    "reveal": (lambda: dialog(Recipient, "reveal"), {"administrator"}),
    "cancel": (lambda: repair("cancel"), {"sender", "administrator"}),
    "retry": (lambda: repair("retry"), {"sender", "administrator"}),
    "resend": (lambda: repair("resend"), {"sender", "administrator"}),
    "try now": (lambda: posted("sending", account="0"), {"administrator"}),
    "note": (lambda: posted("errcode", 43004, text="note"), {"administrator"}),
    "send a test": (
        lambda: posted("message-test-send"),
        {"author", "sender", "administrator"},
    ),
    "profile": (lambda: ask_for_a_profile, {"administrator"}),
    "empty a queue": (lambda: posted("django_rq:clear", 0), QUEUES),
}


MOVING = {
    *("release", "rotate a key", "revoke a key", "revoke keys", "remove second factor", "cancel"),
    *("new secret", "send a ping", "send again"),
}
"""Those that do something to this world's rows; a new version goes on with the draft there is."""


@pytest.mark.parametrize("name", ACTIONS)
def test_each_action_is_for_those_whose_it_is(role: str, world: World, name: str) -> None:
    publishing_is_a_permission()
    make, allowed = ACTIONS[name]
    before = facts(world)
    answer = make()(someone(role), world)
    if role in allowed:
        assert answer.status_code in (200, 302)
        assert (before != facts(world)) == (name in MOVING)
    else:
        assert answer.status_code == 403 or name in REPAIRS  # the list comes again, and a warning
        assert before == facts(world)


def publishing_is_a_permission() -> None:
    kind = ContentType.objects.get_for_model(TemplateVersion)
    Permission.objects.get_or_create(content_type=kind, codename="publish_templateversion")
    keep()


def facts(world: World) -> dict[str, Any]:
    return {
        "states": sorted(Message.objects.values_list("pk", "state")),
        "versions": TemplateVersion.objects.count(),
        "held": MessageTemplate.objects.exclude(held_since=None).count(),
        "keys": sorted(ApiClient.objects.values_list("keys__pk", "keys__revoked_at")),
        "due": WebhookDelivery.objects.exclude(due_at=None).count(),
        "secrets": sorted(
            WebhookEndpoint.objects.values_list("previous_until", flat=True), key=str
        ),
        "factor": second_factor.has_one(world.rows[User][0]),
    }


def test_who_publishes(role: str, world: World) -> None:
    """Where approving has a permission of its own, writing does not do."""
    own = Permission.objects.filter(codename="publish_templateversion").exists()
    allowed = {"approver", "administrator"} if own else {"author", "administrator"}
    answer = dialog(TemplateVersion, "publish")(someone(role), world)
    assert (answer.status_code != 403) == (role in allowed)


def test_an_auditor_sees_no_hash_of_a_password(world: World) -> None:
    person = User.objects.create_user("li-lei", password="a long password")
    page = html(someone("auditor").get(address("auth_user", "change", person.pk)))
    assert person.password not in page
    assert person.password.rpartition("$")[2] not in page


def test_nobody_changes_what_a_role_may_do(world: World) -> None:
    boss = someone("administrator")
    group = Group.objects.get(name="auditor")
    assert boss.post(address("auth_group", "change", group.pk), {"name": "x"}).status_code == 403
    assert boss.post(address("auth_group", "delete", group.pk), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [str(group.pk)], "post": "yes"}
    boss.post(address("auth_group", "changelist"), chosen)
    assert Group.objects.filter(name="auditor").exists()
    assert boss.get(address("auth_group", "change", group.pk)).status_code == 200
