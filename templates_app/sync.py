"""Sync from WeChat, and the watch over drift: a template that WeChat changed or dropped is held
before its messages are refused one by one."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from templates_app.content import parse_content
from templates_app.models import ListedTemplate, MessageTemplate, OfficialAccount, TemplateVersion
from templates_app.signals import template_released

log = logging.getLogger(__name__)

GONE = "WeChat lists the template no more"
CHANGED = "WeChat changed the template's fields"
DRIFT = (GONE, CHANGED)
"""Reasons of a hold that a sync makes; a sync that finds all well again takes it back."""


@dataclass(slots=True)
class Synced:
    count: int = 0
    held: list[MessageTemplate] = field(default_factory=list)
    released: list[MessageTemplate] = field(default_factory=list)


def sync(account: OfficialAccount, listed: Iterable[Mapping[str, str]], now: datetime) -> Synced:
    """`listed`: the template_list of get_all_private_template (wechat-api: template_id, title,
    content, example). Fetched by the caller: no transaction is open during a call."""
    done = Synced()
    with transaction.atomic():
        for one in listed:
            done.count += 1
            ListedTemplate.objects.update_or_create(
                account=account,
                wechat_template_id=str(one["template_id"])[:64],
                defaults={
                    "title": str(one.get("title", ""))[:100],
                    "content": str(one.get("content", "")),
                    "example": str(one.get("example", "")),
                    "seen_at": now,
                    "gone_since": None,
                },
            )
        missing = ListedTemplate.objects.filter(account=account, gone_since=None, seen_at__lt=now)
        missing.update(gone_since=now)
    for template in account.templates.exclude(published=None).select_related("published"):
        if template.published is not None:
            _watch(template, template.published, done, now)
    return done


def drift_of(version: TemplateVersion) -> str:
    """What makes the version unsendable at WeChat: GONE, CHANGED, or "" when nothing does. Before
    the first sync nothing is known."""
    account = version.template.account_id
    known = ListedTemplate.objects.filter(account=account)
    listed = known.filter(wechat_template_id=version.wechat_template_id).first()
    if listed is None:
        return GONE if known.exists() else ""
    if listed.gone_since is not None:
        return GONE
    return CHANGED if keys(listed.content) != keys(version.content) else ""


def keys(content: str) -> frozenset[str]:
    """A renamed label does no harm; a field that is missing is 47003."""
    return frozenset(one.key for one in parse_content(content))


def _watch(
    template: MessageTemplate, version: TemplateVersion, done: Synced, now: datetime
) -> None:
    because = drift_of(version)
    rows = MessageTemplate.objects.filter(pk=template.pk)
    if because and rows.filter(held_since=None).update(held_since=now, held_because=because):
        template.held_since, template.held_because = now, because
        log.warning("template %s is held: %s", template.code, because)
        done.held.append(template)
    if not because and rows.filter(held_because__in=DRIFT).update(held_since=None, held_because=""):
        template.held_since, template.held_because = None, ""
        template_released.send(MessageTemplate, template=template)
        done.released.append(template)


def template_from(listed: ListedTemplate, code: str, by: str) -> TemplateVersion:
    """A template of ours with a draft like WeChat's, its examples as the samples."""
    with transaction.atomic():
        template = MessageTemplate.objects.create(
            account=listed.account, code=code, name=listed.title
        )
        version = TemplateVersion.objects.create(
            template=template,
            wechat_template_id=listed.wechat_template_id,
            title=listed.title,
            content=listed.content,
            authors=[by],
        )
        version.make_fields()
        for key, sample in samples(listed).items():
            version.fields.filter(key=key).update(sample=sample[:200])
    return version


def samples(listed: ListedTemplate) -> dict[str, str]:
    """WeChat's example is its content with values in the place of the fields, line by line."""
    found = {}
    for content, example in zip(
        listed.content.splitlines(), listed.example.splitlines(), strict=False
    ):
        fields = parse_content(content)
        if len(fields) == 1:
            label = fields[0].label
            found[fields[0].key] = example.strip().removeprefix(label).lstrip(":：").strip()
    return found
