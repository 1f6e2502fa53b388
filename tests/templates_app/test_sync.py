"""WeChat's list of templates, and what happens to ours when it changes."""

import pytest

from notifier.models import Message, Reason, State
from templates_app.hourly import sync_all
from templates_app.models import ListedTemplate, MessageTemplate
from templates_app.sync import CHANGED, GONE, samples, sync, template_from
from tests import builders
from tests.builders import now

pytestmark = pytest.mark.django_db


@pytest.fixture
def template():
    return builders.make_template()


def listed(template, **values):
    version = template.published
    row = {
        "template_id": version.wechat_template_id,
        "title": version.title,
        "content": version.content,
        "example": "订单号:A-1\n商品:云南白茶\n时间:2026-10-01 15:01",
    }
    return row | values


def held(template):
    return MessageTemplate.objects.get(pk=template.pk).held_because


def test_a_template_that_is_as_it_was_goes_on(template):
    done = sync(template.account, [listed(template)], now())
    assert (done.count, done.held, held(template)) == (1, [], "")


def test_one_that_vanished_is_held_and_goes_on_when_it_is_back(template):
    sync(template.account, [listed(template)], now())
    assert sync(template.account, [], now()).held == [template]
    assert held(template) == GONE
    assert ListedTemplate.objects.get().gone_since is not None
    assert sync(template.account, [listed(template)], now()).released == [template]
    assert held(template) == ""


def test_one_whose_fields_changed_is_held(template):
    content = template.published.content.replace("thing2", "thing9")
    sync(template.account, [listed(template, content=content)], now())
    assert held(template) == CHANGED


def test_another_label_does_no_harm(template):
    content = template.published.content.replace("商品", "货品")
    sync(template.account, [listed(template, content=content)], now())
    assert held(template) == ""


def test_a_hold_of_another_reason_stays(template):
    MessageTemplate.objects.update(held_since=now(), held_because="errcode 40037: x")
    sync(template.account, [listed(template)], now())
    assert held(template) == "errcode 40037: x"


def test_another_accounts_templates_are_left_alone(template):
    sync(template.account, [listed(template)], now())
    sync(builders.make_account(), [], now())
    assert held(template) == ""


def test_a_template_is_made_of_wechats(template):
    sync(template.account, [listed(template, template_id="new", title="发货通知")], now())
    row = ListedTemplate.objects.get(wechat_template_id="new")
    version = template_from(row, "shipped", "ann")
    assert (version.template.code, version.template.name) == ("shipped", "发货通知")
    assert version.authors == ["ann"]
    fields = dict(version.fields.values_list("key", "sample"))
    assert fields == {
        "character_string1": "A-1",
        "thing2": "云南白茶",
        "time3": "2026-10-01 15:01",
    }


def test_an_example_with_a_colon_in_its_value():
    row = ListedTemplate(content="时间:{{time3.DATA}}", example="时间：15:01")
    assert samples(row) == {"time3": "15:01"}


@pytest.mark.django_db(transaction=True)
def test_the_hourly_sync_holds_what_wechat_dropped_and_its_messages_wait(platform, work):
    sync_all()
    assert ListedTemplate.objects.get().account == platform.account
    message = platform.message()
    platform.configure(templates=[], followers=[message.openid])
    sync_all()
    work()
    message.refresh_from_db()
    assert (message.state, message.reason) == (State.QUEUED, Reason.TEMPLATE)
    platform.configure(followers=[message.openid])
    sync_all()
    work()
    assert Message.objects.get().due_at <= now()
