"""Another account with a row of each kind, and the addresses that lead to them."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone

from notifier.models import (
    Campaign,
    FollowerSync,
    Message,
    MessageCount,
    Recipient,
    RecipientGroup,
    RecipientImport,
    Segment,
    Suppression,
    WebhookDelivery,
    WeChatTag,
)
from notifier.models.counts import ANSWER, Span
from templates_app.models import ListedTemplate, MessageTemplate, OfficialAccount, TemplateVersion
from tests import builders
from tests.admin.browsing import address

MARK = "foreign"
"""In a text of each of the other account's rows."""
ERRCODE, COUNT = 48_999, 4321
TOLD = {"at": "2026-11-26T10:00:00+08:00", "ms": 5, "status": 500, "problem": "refused"}
TOLD |= {"answer": f"{MARK} answer"}
Rows = dict[type[Model], Any]


def named(model: type[Model]) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}"


def make_theirs() -> Rows:
    """A row of each kind, of an account that is not the limited person's."""
    now = timezone.now()
    account = builders.make_account(name=f"{MARK} shop", slug=MARK)
    template = builders.make_template(account, code=f"{MARK}-order")
    draft = builders.make_version(template, title=f"{MARK} title")
    person = builders.make_recipient(account, user_id=f"{MARK}-user", is_test=True)
    message = builders.make_message(template, person)
    builders.set_message(message, rid=f"{MARK}-rid", requested_by=f"{MARK}-person")
    MessageTemplate.objects.filter(pk=template.pk).update(
        name=f"{MARK} name", held_since=now, held_because=MARK
    )
    _counts(account, template)
    listed = {"account": account, "content": "a", "seen_at": now}
    file = {"account": account, "language": "en", "wrong": 1, "has_files": True}
    sync = {"account": account, "created_at": now, "state": "done"}
    endpoint = builders.make_endpoint(builders.make_client(name=f"{MARK} client"))
    rows: list[Model] = [
        account,
        template,
        draft,
        person,
        message,
        RecipientGroup.objects.create(account=account, name=f"{MARK} group"),
        WeChatTag.objects.create(account=account, wechat_id=1, name=f"{MARK} tag"),
        Segment.objects.create(account=account, name=f"{MARK} segment"),
        Suppression.objects.create(recipient=person, template=template, errcode=1, since=now),
        builders.make_delivery(endpoint, message, log=[TOLD]),
        ListedTemplate.objects.create(title=f"{MARK} listed", **listed),
        RecipientImport.objects.create(file_name=f"{MARK}.csv", state="checked", **file),
        FollowerSync.objects.create(requested_by=f"{MARK}-person", **sync),
        builders.make_gateway(builders.make_client(name=f"{MARK} service"), account),
        builders.make_schedule(builders.make_client(name=f"{MARK} shop"), template, person),
        builders.make_anomaly(account, template),
        builders.make_silence(account, template, reason=MARK),
        Campaign.objects.create(
            account=account,
            version=template.published,
            name=f"{MARK} campaign",
            state="paused",
            audience="upload",
        ),
    ]
    return {type(row): row for row in rows}


def _counts(account: OfficialAccount, template: MessageTemplate) -> None:
    of = {"account_id": account.pk, "template_id": template.pk, "shard": 0, "count": COUNT}
    hour = timezone.localtime().replace(minute=0, second=0, microsecond=0)
    for state, errcode in (("accepted", 0), ("sent", 0), ("failed", 0), (ANSWER, ERRCODE)):
        MessageCount.objects.create(span=Span.HOUR, begins=hour, state=state, errcode=errcode, **of)


def of_theirs(theirs: Rows) -> Iterator[str]:
    """Each address that is about one of their rows."""
    for model, row in theirs.items():
        if model not in admin.site._registry:
            continue
        for view in ("change", "history", "delete"):
            yield address(named(model), view, row.pk)
        for action in admin.site.get_model_admin(model).actions_detail or ():
            yield address(named(model), str(action), row.pk)
    yield reverse("admin:recipient-erase", args=[theirs[Recipient].pk])
    yield reverse("admin:account-doctor", args=[theirs[OfficialAccount].pk])
    yield reverse("admin:message-rid", args=[theirs[Message].pk])
    yield reverse("admin:version-preview", args=[theirs[TemplateVersion].pk])
    campaign = theirs[Campaign].pk
    yield from (reverse("admin:campaign-do", args=[campaign, one]) for one in ("cancel", "resume"))
    yield reverse("admin:campaign-errors", args=[campaign])
    for name in ("confirm", "discard", "errors"):
        view = f"admin:notifier_recipientimport_{name}"
        yield reverse(view, args=[theirs[RecipientImport].pk])


def chosen(theirs: Rows) -> Iterator[str]:
    """Pages that would choose one of their rows by the address."""
    test_send = reverse("admin:message-test-send")
    yield f"{test_send}?template={theirs[MessageTemplate].pk}"
    yield f"{reverse('admin:notifier_campaign_add')}?template={theirs[MessageTemplate].pk}"
    log = address("notifier_message", "changelist")
    yield f"{log}?campaign={theirs[Campaign].pk}"
    yield f"{log}?q={theirs[Message].pk.hex}"
    yield f"{log}?q={MARK}-user"
    yield f"{log}?template={MARK}-order"
    yield f"{log}?version={theirs[MessageTemplate].published_id}"
    yield f"{log}?account__id__exact={theirs[OfficialAccount].pk}"
    told = address("notifier_webhookdelivery", "changelist")
    yield f"{told}?endpoint={theirs[WebhookDelivery].endpoint_id.hex}"
    yield f"{told}?q={theirs[WebhookDelivery].event.public_id}"
    yield f"{told}?q={theirs[Message].pk.hex}"
    people = address("notifier_recipient", "changelist")
    yield f"{people}?q={theirs[Recipient].openid}"
    yield f"{people}?groups__id__exact={theirs[RecipientGroup].pk}"
    count = reverse("admin:segment-count")
    yield f"{count}?segment={theirs[Segment].pk}&account={theirs[OfficialAccount].pk}"
