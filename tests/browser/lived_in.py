"""A platform that has been at work for a month: long Chinese names, many rows, and each trouble."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from notifier.audit.record import record
from notifier.dispatch import gate
from notifier.models import (
    FollowerSync,
    Recipient,
    RecipientGroup,
    Segment,
    Suppression,
    WeChatTag,
    masked_email,
    masked_name,
)
from templates_app.models import (
    ListedTemplate,
    MessageTemplate,
    OfficialAccount,
    TemplateField,
)
from templates_app.publishing import note_author
from tests import builders
from tests.access.conftest import with_factor
from tests.browser.campaigns import campaigns
from tests.browser.month import figures, imports, messages, webhooks
from tests.browser.unusual import anomalies
from tests.builders import now

LONG_NAME = "鸿雁商城华东区会员服务与售后通知中心官方服务号"
LONG_CODE = "membership-renewal-reminder-for-long-standing-customers.v2"
PRODUCTS = ("云南白茶", "西湖龙井", "安溪铁观音", "武夷山大红袍")
NAMES = ("李雷", "韩梅梅", "欧阳娜娜", "阿卜杜拉·买买提江", "", "诸葛亮")
ATTRIBUTES = {
    "city": "杭州",
    "会员等级": "金卡（年消费五万元以上，含企业采购与员工福利订单）",
    "last_order": 20261124,
    "newsletter": True,
}
CHANGED_CONTENT = builders.CONTENT.replace("thing2", "thing4")


@dataclass
class LivedIn:
    """What pages are about, by name."""

    account: OfficialAccount
    template: MessageTemplate
    rows: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.rows[name]
        except KeyError:
            raise AttributeError(name) from None


def lived_in() -> LivedIn:
    account = builders.make_account(name="鸿雁商城", slug="shop", callback_mode="plain")
    template = builders.make_template(account, code="order-shipped", url="https://example.com/o")
    MessageTemplate.objects.filter(pk=template.pk).update(name="订单发货通知")
    template.refresh_from_db()
    world = LivedIn(account, template)
    for part in (
        accounts,
        templates,
        people,
        messages,
        webhooks,
        campaigns,
        figures,
        imports,
        anomalies,
        trail,
        logins,
    ):
        part(world)
    return world


def accounts(world: LivedIn) -> None:
    """One that cannot send, one at its quota, one that is switched off."""
    stopped = builders.make_account(name=LONG_NAME, slug="east-china-members")
    off = builders.make_account(name="旧服务号", slug="old", is_active=False)
    full = builders.make_account(name="鸿雁生活", slug="life", daily_quota=100)
    cause = gate.Report(cause="errcode 40125: invalid appsecret")
    gate.tell(stopped.pk, cause, gate.Limits.of(stopped), now())
    used_up = gate.Report(quota_is_used_up=True)
    gate.tell(full.pk, used_up, gate.Limits.of(full), now())
    began = now() - timedelta(hours=9)
    done = {"state": "done", "total": 1_203_480, "seen": 1_203_480, "new": 1_208, "left": 312}
    for one, values in (
        (world.account, done | {"returned": 17, "finished_at": began + timedelta(minutes=14)}),
        (full, {"state": "running", "total": 86_000, "seen": 40_000}),
        (stopped, {"state": "failed", "error": "errcode 40125: invalid appsecret"}),
    ):
        FollowerSync.objects.create(account=one, created_at=began, **values)
    world.rows |= {"stopped": stopped, "off": off, "full": full}


def templates(world: LivedIn) -> None:
    account = world.account
    draft = builders.make_version(world.template, title="订单发货通知")
    note_author(draft, "li.ming")
    fields = draft.fields
    fields.filter(key="character_string1").update(sample="订单二〇二六一一二四〇〇一")
    fields.filter(key="thing2").update(sample="云南白茶礼盒（春茶、三百克、含茶具与手提袋）二套装")
    held = named(
        builders.make_template(account, code=LONG_CODE), "老客户会员资格续费与权益到期提醒"
    )
    hold(held, "errcode 40037: invalid template_id")
    drifted = named(builders.make_template(account, code="order-paid"), "订单支付成功通知")
    hold(drifted, "WeChat changed the template's fields")
    gone = named(builders.make_template(account, code="coupon"), "优惠券到期提醒")
    hold(gone, "WeChat lists the template no more")
    review = builders.make_version(
        named(builders.make_template(account, code="refund"), "退款通知"), title="退款到账通知"
    )
    review.review_asked_at, review.review_asked_by = now(), "li.ming"
    review.save()
    for number in range(30):
        code = f"campaign-{number:02d}"
        MessageTemplate.objects.create(account=account, code=code, name=f"活动通知（第{number}期）")
    listed = [
        (world.template.published, builders.CONTENT, None),
        (drifted.published, CHANGED_CONTENT, None),
        (gone.published, builders.CONTENT, now()),
    ]
    for version, content, gone_since in listed:
        ListedTemplate.objects.create(
            account=account,
            wechat_template_id=version.wechat_template_id,
            title=version.title,
            content=content,
            example="订单号:20261124001\n商品:云南白茶\n时间:2026-11-24 10:30",
            seen_at=now(),
            gone_since=gone_since,
        )
    world.rows |= {"draft": draft, "held": held, "drifted": drifted, "gone": gone, "review": review}
    world.rows |= {
        "listed": ListedTemplate.objects.first(),
        "empty": MessageTemplate.objects.last(),
    }


def named(template: MessageTemplate, name: str) -> MessageTemplate:
    MessageTemplate.objects.filter(pk=template.pk).update(name=name)
    template.refresh_from_db()
    return template


def hold(template: MessageTemplate, because: str) -> None:
    held = {"held_since": now(), "held_because": because}
    MessageTemplate.objects.filter(pk=template.pk).update(**held)


def people(world: LivedIn) -> None:
    account = world.account
    groups = [
        RecipientGroup.objects.create(account=account, name=name)
        for name in ("会员", "华东区企业客户（年采购额五十万元以上）", "员工")
    ]
    RecipientGroup.objects.create(account=world.stopped, name="会员")
    tag = WeChatTag.objects.create(account=account, wechat_id=100, name="星标用户")
    for number in range(130):
        person = builders.make_recipient(
            account,
            user_id=f"u-{1000 + number}",
            name=NAMES[number % len(NAMES)],
            email=f"u{number}@example.com" if number % 3 else "",
            followed_at=now() - timedelta(days=number),
        )
        person.groups.add(groups[number % 3])
        person.tags.add(tag)
    known = list(Recipient.objects.order_by("pk"))
    Recipient.objects.filter(pk=known[0].pk).update(attributes=ATTRIBUTES)
    Recipient.objects.filter(pk__in=[one.pk for one in known[:3]]).update(is_test=True)
    refused, unfollowed, erased = known[-3:]
    refused.state, unfollowed.state, erased.state = "refused", "unfollowed", "erased"
    for one in (refused, unfollowed, erased):
        one.state_since = now()
        one.save()
    for number, person in enumerate(known[1:13]):
        until = now() + timedelta(days=number - 3) if number % 2 else None
        Suppression.objects.create(
            recipient=person,
            template=world.template,
            errcode=43101 if number % 3 else None,
            since=now(),
            until=until,
        )
    segment = Segment.objects.create(
        account=account,
        name="华东区活跃会员（近三十天关注、有邮箱）",
        group=groups[1],
        tag=tag,
        attribute="city",
        attribute_value="杭州",
    )
    Segment.objects.create(account=account, name="全部关注者")
    world.rows |= {"person": known[0], "erased": erased, "group": groups[1], "segment": segment}
    world.rows |= {"suppression": Suppression.objects.first()}


def trail(world: LivedIn) -> None:
    version = {"object_type": "templates_app.templateversion", "object_id": world.draft.pk}
    before = {"title": "订单发货通知", "url": "", "content": builders.CONTENT}
    after = {"title": "订单已发货通知", "url": "https://example.com/o", "content": CHANGED_CONTENT}
    name = str(world.draft)
    world.rows["change"] = record("change", object_name=name, before=before, after=after, **version)
    for action in ("publish", "login_failed", "export", "repair", "reveal", "ask_for_review"):
        record(action, object_name=name, after={"rows": 12_000}, **version)
    for number in range(55):
        record("change", object_name=f"{LONG_CODE} v{number}", before={"url": "a"}, **version)


def logins(world: LivedIn) -> None:
    for number, role in enumerate(("author", "approver", "sender", "auditor", "administrator")):
        user = User.objects.create_user(f"user-{number}", is_staff=True, password="x")
        user.groups.add(Group.objects.get(name=role))
    own = Group.objects.create(name="华东区值班小组")
    own.permissions.set(Permission.objects.filter(codename__startswith="view_"))
    world.rows |= {"user": user, "own": own, "role": Group.objects.get(name="sender")}
    with_factor(user)
    kind = ContentType.objects.get_for_model(MessageTemplate)
    LogEntry.objects.create(
        user=user,
        content_type=kind,
        object_id=str(world.template.pk),
        object_repr=str(world.template),
        action_flag=CHANGE,
        change_message='[{"changed": {"fields": ["Name"]}}]',
    )


OURS = ("held_because", "error", "problems")
"""Fields with reasons that we give, which a page tells in its reader's language."""


def data() -> set[str]:
    """Every text that the platform's people have entered: no page's own words."""
    rows = (row for model in _models() if model._meta.managed for row in model.objects.all())
    return {text for row in rows for text in _texts(row)}


def _models() -> Iterator[Any]:
    for app in ("notifier", "templates_app"):
        yield from apps.get_app_config(app).get_models()
    yield from (User, Group)


def _texts(row: Model) -> Iterator[str]:
    fields = [one for one in row._meta.concrete_fields if not one.choices]
    values = [getattr(row, one.attname) for one in fields if one.name not in OURS]
    if isinstance(row, Recipient):
        values += [masked_name(row.name), masked_email(row.email)]
        values += [*row.attributes, *row.attributes.values()]
    if isinstance(row, TemplateField):
        values += re.findall(r"\w+", row.pattern)
    for value in values:
        if isinstance(value, str):
            yield from (line.strip() for line in value.splitlines())
            yield " ".join(value.split())
        elif isinstance(value, list):
            yield from (one for one in value if isinstance(one, str))
