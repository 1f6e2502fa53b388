"""A world with a row behind every page of the admin, and the addresses of all its pages."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.urls import reverse

from notifier.audit.record import record
from notifier.models import (
    Anomaly,
    ApiClient,
    ApiKey,
    AuditEntry,
    Campaign,
    Gateway,
    Message,
    Recipient,
    RecipientGroup,
    RecipientImport,
    Schedule,
    Segment,
    Silence,
    Suppression,
    WebhookDelivery,
    WebhookEndpoint,
)
from templates_app.models import ListedTemplate, MessageTemplate, OfficialAccount, TemplateVersion
from tests import builders
from tests.admin.browsing import address
from tests.admin.conftest import WEBHOOK_SECRET
from tests.builders import now

NEVER_ADDED = (
    *(Message, AuditEntry, ListedTemplate, Schedule, Suppression, WebhookDelivery, Anomaly),
)


@dataclass
class World:
    """One row at least behind every page."""

    rows: dict[type[Model], list[Model]]
    key: str


def make_world(account: OfficialAccount) -> World:
    template = builders.make_template(account, url="https://example.com/{{ order_no }}")
    draft = builders.make_version(template)
    recipient = builders.make_recipient(account, user_id="u-1", name="李雷")
    message = builders.make_message(template, recipient)
    client = builders.make_client()
    endpoint = builders.make_endpoint(client, secret=WEBHOOK_SECRET)
    key = client.make_key()
    rows: dict[type[Model], list[Model]] = {
        OfficialAccount: [account],
        ListedTemplate: [
            ListedTemplate.objects.create(
                account=account, title="订单通知", content="商品:{{thing2.DATA}}", seen_at=now()
            )
        ],
        MessageTemplate: [template],
        TemplateVersion: [draft, template.published],
        Recipient: [recipient],
        RecipientGroup: [RecipientGroup.objects.create(account=account, name="会员")],
        Segment: [Segment.objects.create(account=account, name="杭州会员")],
        Suppression: [
            Suppression.objects.create(
                recipient=recipient, template=template, errcode=43101, since=builders.now()
            )
        ],
        RecipientImport: [
            RecipientImport.objects.create(account=account, file_name="people.csv", language="en")
        ],
        Message: [message],
        Campaign: [_campaign(template, state) for state in ("checked", "paused")],
        ApiClient: [client],
        ApiKey: list(client.keys.all()),
        WebhookEndpoint: [endpoint],
        WebhookDelivery: [builders.make_delivery(endpoint, message, due_at=None)],
        Schedule: [builders.make_schedule(client, template, recipient)],
        Anomaly: [
            builders.make_anomaly(account, template),
            builders.make_anomaly(account, templates=[template.pk], measure="latency"),
            builders.make_anomaly(account, measure="quota", facts=builders.QUOTA),
            builders.make_anomaly(account, measure="queue", facts=builders.QUEUE),
        ],
        Silence: [builders.make_silence(account, template)],
        Gateway: [builders.make_gateway(client, account, message)],
        AuditEntry: [record("change", object_name="x", before={"a": 1}, after={"a": 2})],
        User: [User.objects.create_user("li")],
        Group: [Group.objects.create(name="operators")],
    }
    return World(rows, key)


def _campaign(template: MessageTemplate, state: str) -> Campaign:
    return Campaign.objects.create(
        name=f"双十一 {state}",
        account=template.account,
        version=template.published,
        data=builders.DATA,
        audience="upload",
        upload_name="people.csv",
        state=state,
        editors=["li"],
        total=1200,
        ready=1100,
        problems={"too_long": 100},
        checked_at=now(),
        started_at=now() if state == "paused" else None,
        figures={"delivered": 100, "failed": 3} if state == "paused" else {},
        reason=["Paused by %(who)s.", {"who": "li"}] if state == "paused" else [],
    )


def pages(world: World) -> Iterator[str]:
    """The address of each page that a superuser can open."""
    template = world.rows[MessageTemplate][0]
    yield from map(reverse, ["admin:index", "admin:password_change", "django_rq:home"])
    yield reverse("second-factor")
    yield reverse("profiles")
    yield reverse("admin:message-test-send")
    yield reverse("admin:recipients-export")
    yield reverse("admin:followers")
    yield reverse("admin:account-doctor", args=[world.rows[OfficialAccount][0].pk])
    yield reverse("admin:recipient-erase", args=[world.rows[Recipient][0].pk])
    yield f"{reverse('admin:message-test-send')}?template={template.pk}"
    yield f"{reverse('admin:notifier_campaign_add')}?template={template.pk}"
    yield reverse("admin:campaign-do", args=[world.rows[Campaign][0].pk, "launch"])
    yield reverse("admin:campaign-do", args=[world.rows[Campaign][1].pk, "cancel"])
    for queue in range(5):
        yield reverse("django_rq:jobs", args=[queue])
        yield reverse("django_rq:failed_jobs", args=[queue])
        yield reverse("django_rq:workers", args=[queue])
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        yield address(name, "changelist")
        if model not in NEVER_ADDED:
            yield address(name, "add")
        for row in world.rows[model]:
            yield from (address(name, view, row.pk) for view in ("change", "history"))
