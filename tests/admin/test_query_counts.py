"""A list asks the database as often for fifty rows as for five: each row brings rows of its own
that it refers to, so that none is asked for one by one."""

from collections.abc import Callable

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifier.audit.record import record
from notifier.dispatch.lanes import redis
from notifier.models import (
    Anomaly,
    ApiClient,
    ApiKey,
    AuditEntry,
    Campaign,
    ErrcodeNote,
    FollowerSync,
    Gateway,
    Message,
    MessageCount,
    Recipient,
    RecipientGroup,
    RecipientImport,
    Schedule,
    Segment,
    Silence,
    Suppression,
    WebhookDelivery,
    WebhookEndpoint,
    WeChatTag,
)
from notifier.models.counts import ANSWER, Span
from templates_app.models import ListedTemplate, MessageTemplate, OfficialAccount, TemplateVersion
from tests import builders
from tests.access.conftest import with_factor
from tests.admin.browsing import address, html
from tests.builders import now

FEW, MANY = 5, 50
Build = Callable[[int], object]


def listed(number: int) -> None:
    version = builders.make_template(code=f"used-{number}").published
    assert version is not None
    ListedTemplate.objects.create(
        account=version.template.account,
        wechat_template_id=version.wechat_template_id,
        title="订单通知",
        content=version.content,
        seen_at=now(),
    )


def recipient(number: int) -> Recipient:
    account = builders.make_account()
    person = builders.make_recipient(account, name="李雷", user_id=f"u-{number}")
    person.groups.add(RecipientGroup.objects.create(account=account, name="会员"))
    person.tags.add(WeChatTag.objects.create(account=account, wechat_id=1, name="星标"))
    return person


def segment(number: int) -> None:
    account = builders.make_account()
    group = RecipientGroup.objects.create(account=account, name=f"组{number}")
    tag = WeChatTag.objects.create(account=account, wechat_id=number, name="星标")
    Segment.objects.create(account=account, name="会员", group=group, tag=tag)


def suppression(number: int) -> None:
    template = builders.make_template()
    person = builders.make_recipient(template.account)
    Suppression.objects.create(recipient=person, template=template, errcode=43101, since=now())


def message(number: int) -> None:
    made = builders.make_message()
    Message.objects.filter(pk=made.pk).update(client=builders.make_client())


def client(number: int) -> None:
    builders.make_client().make_key()


def endpoint(number: int) -> WebhookEndpoint:
    failing = {"failures": 9, "failing_since": now()}
    return builders.make_endpoint(builders.make_client(), **failing)


def delivery(number: int) -> None:
    builders.make_delivery(endpoint(number), builders.make_message())


def schedule(number: int) -> None:
    template = builders.make_template()
    person = builders.make_recipient(template.account)
    builders.make_schedule(builders.make_client(), template, person)


def gateway(number: int) -> None:
    builders.make_gateway(builders.make_client(), builders.make_account())


def user(number: int) -> None:
    made = User.objects.create_user(f"user-{number}")
    made.groups.add(Group.objects.create(name=f"group-{number}"))
    with_factor(made)


def an_import(number: int) -> None:
    account = builders.make_account()
    RecipientImport.objects.create(account=account, file_name="a.csv", language="en")


def campaign(number: int) -> Campaign:
    template = builders.make_template()
    values = {"account": template.account, "version": template.published}
    return Campaign.objects.create(name=f"campaign {number}", state="paused", **values)


def anomaly(number: int) -> None:
    template = builders.make_template()
    builders.make_anomaly(template.account, template)
    builders.make_anomaly(template.account, templates=[template.pk], measure="latency")


ROWS: dict[type[Model], Build] = {
    OfficialAccount: lambda number: builders.make_account(),
    MessageTemplate: lambda number: builders.make_template(),
    TemplateVersion: lambda number: builders.make_template(),
    ListedTemplate: listed,
    Recipient: recipient,
    RecipientGroup: recipient,
    Segment: segment,
    Suppression: suppression,
    RecipientImport: an_import,
    Message: message,
    Campaign: campaign,
    ApiClient: client,
    ApiKey: client,
    WebhookEndpoint: endpoint,
    WebhookDelivery: delivery,
    Gateway: gateway,
    Schedule: schedule,
    Anomaly: anomaly,
    Silence: lambda number: builders.make_silence(None, builders.make_template()),
    AuditEntry: lambda number: record("change", object_name=f"x{number}", after={"a": number}),
    User: user,
    Group: lambda number: Group.objects.create(name=f"group-{number}"),
}


def held(number: int) -> None:
    template = builders.make_template()
    MessageTemplate.objects.filter(pk=template.pk).update(held_since=now(), held_because="x")


def errcode(number: int) -> None:
    template = builders.make_template()
    ErrcodeNote.objects.create(errcode=50_000 + number, text="x", changed_by="li")
    hour = now().replace(minute=0, second=0, microsecond=0)
    of = {"account_id": template.account_id, "template_id": template.pk, "shard": 0, "count": 1}
    for state, code in (("sent", 0), ("failed", 0), (ANSWER, 50_000 + number)):
        MessageCount.objects.create(span=Span.HOUR, begins=hour, state=state, errcode=code, **of)


def sync(number: int) -> None:
    for state in ("done", "failed", "running"):
        account = builders.make_account()
        FollowerSync.objects.create(account=account, created_at=now(), state=state)


def dashboard(number: int) -> None:
    message(number)
    held(number)
    errcode(number)


OWN_PAGES: dict[str, Build] = {
    "admin:index": dashboard,
    "admin:sending": held,
    "admin:errcodes": errcode,
    "admin:followers": sync,
    "admin:message-test-send": lambda number: builders.make_template(),
    "admin:recipients-export": segment,
}


def test_every_list_of_the_admin_has_its_rows() -> None:
    assert set(ROWS) == set(admin.site._registry)


@pytest.mark.parametrize("model", ROWS, ids=lambda model: model.__name__)
def test_a_list_asks_no_more_for_many_rows(root: Client, model: type[Model]) -> None:
    where = address(f"{model._meta.app_label}_{model._meta.model_name}", "changelist")
    asks_alike(root, where, ROWS[model], lambda page: page.count('class="data-row'))


@pytest.mark.parametrize("view", OWN_PAGES)
def test_a_page_of_our_own_asks_no_more_for_many_rows(root: Client, view: str) -> None:
    asks_alike(root, reverse(view), OWN_PAGES[view], len)


def asks_alike(client: Client, where: str, build: Build, size: Callable[[str], int]) -> None:
    few, small = asked(client, where, build, range(FEW), size)
    many, large = asked(client, where, build, range(FEW, MANY), size)
    assert large > small, "the rows are not on the page"
    assert len(many) == len(few), "\n".join(many)


def asked(
    client: Client, where: str, build: Build, numbers: range, size: Callable[[str], int]
) -> tuple[list[str], int]:
    for number in numbers:
        build(number)
    redis().flushdb()
    client.get(where)  # what is asked once in a process' life
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(where)
    assert answer.status_code == 200
    return [one["sql"] for one in captured.captured_queries], size(html(answer))
