"""Templates and their versions: written, previewed, published, and never changed afterwards."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from templates_app.models import MessageTemplate, TemplateVersion
from tests import builders
from tests.admin.browsing import (
    Values,
    address,
    confirm,
    faults,
    form,
    html,
    lands_on,
    submit,
    text,
)

FORM = "templateversion_form"
ADD = "/admin/templates_app/templateversion/add/"
VERSION: Values = {
    "wechat_template_id": "t" * 43,
    "title": "订单通知",
    "content": builders.CONTENT,
}


def page(version: TemplateVersion, view: str = "change") -> str:
    return address("templates_app_templateversion", view, version.pk)


def template_page(template: MessageTemplate, view: str = "change") -> str:
    return address("templates_app_messagetemplate", view, template.pk)


def snapshot(version: TemplateVersion) -> list[object]:
    fields = list(version.fields.order_by("id").values())
    return [TemplateVersion.objects.filter(pk=version.pk).values().get(), fields]


@pytest.fixture
def empty(db: None) -> MessageTemplate:
    """A template without any version."""
    return MessageTemplate.objects.create(
        account=builders.make_account(), code="order", name="Order"
    )


@pytest.fixture
def draft(empty: MessageTemplate) -> TemplateVersion:
    return builders.make_version(empty)


@pytest.fixture
def published(db: None) -> TemplateVersion:
    version = builders.make_template().published
    assert version is not None
    return version


def test_a_template_is_added(root: Client) -> None:
    account = builders.make_account()
    given = {"account": account.pk, "code": "order-shipped", "name": "发货通知"}
    submit(root, "/admin/templates_app/messagetemplate/add/", "messagetemplate_form", **given)
    assert MessageTemplate.objects.get().code == "order-shipped"


def test_a_wrong_code_is_named(root: Client) -> None:
    given = {"account": builders.make_account().pk, "code": "Order!", "name": "Order"}
    where = "/admin/templates_app/messagetemplate/add/"
    answer = submit(root, where, "messagetemplate_form", **given)
    assert faults(answer) == {"code": "Use a-z, 0-9, _ . and -."}


def test_the_code_that_services_know_cannot_be_changed(
    root: Client, draft: TemplateVersion
) -> None:
    where = template_page(draft.template)
    answer = submit(root, where, "messagetemplate_form", code="other", account="1", name="New")
    draft.template.refresh_from_db()
    assert (draft.template.code, draft.template.name) == ("order", "New"), text(answer)


def test_the_first_version_starts_empty_for_its_template(
    root: Client, empty: MessageTemplate
) -> None:
    answer = confirm(root, template_page(empty, "new_version"))
    assert form(answer, FORM)["template"] == str(empty.pk)
    assert not TemplateVersion.objects.exists()


def test_pasted_content_becomes_the_fields_of_the_version(
    root: Client, empty: MessageTemplate
) -> None:
    answer = submit(root, f"{ADD}?template={empty.pk}", FORM, **VERSION)
    version = empty.versions.get()
    assert lands_on(answer) == page(version)
    assert list(version.fields.values_list("key", "label", "pattern")) == [
        ("character_string1", "订单号", "{{ character_string1 }}"),
        ("thing2", "商品", "{{ thing2 }}"),
        ("time3", "时间", "{{ time3 }}"),
    ]
    assert form(answer, FORM)["fields-1-pattern"] == "{{ thing2 }}"


@pytest.mark.parametrize("content", ["订单已发货", "订单号:{{character_string1}}", "{{ .DATA}}"])
def test_content_without_a_field_is_refused_at_its_input(
    root: Client, empty: MessageTemplate, content: str
) -> None:
    answer = submit(root, f"{ADD}?template={empty.pk}", FORM, **VERSION | {"content": content})
    assert "WeChat writes a field as {{thing1.DATA}}" in faults(answer)["content"]
    assert not TemplateVersion.objects.exists()


def test_new_content_keeps_the_patterns_of_fields_that_stay(
    root: Client, draft: TemplateVersion
) -> None:
    submit(root, page(draft), FORM, content="商品名:{{thing2.DATA}}\n金额:{{amount5.DATA}}")
    assert list(draft.fields.values_list("key", "label", "pattern")) == [
        ("thing2", "商品名", "{{ product }}"),
        ("amount5", "金额", "{{ amount5 }}"),
    ]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("fields-1-pattern", "订单 {{ product", "thing2: {{ and }} must come in pairs."),
        ("fields-1-pattern", "{{ a b }}", "Between {{ and }} stands one name"),
        ("fields-0-pattern", "", "This field is required."),
        ("url", "https://example.com/{{ a b }}", "Between {{ and }} stands one name"),
        ("miniprogram_pagepath", "pages/{{ a", "{{ and }} must come in pairs."),
    ],
)
def test_a_wrong_pattern_is_refused_at_its_input(
    root: Client, draft: TemplateVersion, name: str, value: str, problem: str
) -> None:
    before = snapshot(draft)
    answer = submit(root, page(draft), FORM, **{name: value})
    assert list(faults(answer)) == [name]
    assert problem in faults(answer)[name]
    assert problem in text(answer)
    assert snapshot(draft) == before


def test_the_preview_shows_the_card_with_the_samples(root: Client, draft: TemplateVersion) -> None:
    answer = submit(root, page(draft), FORM, **{"fields-1-sample": "云南白茶 500 克"})
    shown = html(answer)
    card = shown[shown.index('<section class="hy-card"') : shown.index("</section>")]
    assert "订单通知" in card
    assert "<dt>商品</dt><dd>云南白茶 500 克</dd>" in card
    assert "<dd>{{ order_no }}</dd>" in card
    assert "查看详情" not in card


def test_the_preview_shows_that_a_tap_opens_something(root: Client, draft: TemplateVersion) -> None:
    assert "查看详情" in text(submit(root, page(draft), FORM, url="https://example.com/"))


def test_the_preview_holds_samples_against_wechats_rules(
    root: Client, draft: TemplateVersion
) -> None:
    answer = submit(root, page(draft), FORM, **{"fields-1-sample": "长" * 21})
    assert "商品 At most 20 characters are allowed; this has 21." in text(answer)


def test_a_published_version_is_what_services_send(root: Client, draft: TemplateVersion) -> None:
    answer = confirm(root, page(draft, "publish"))
    assert "order v1 is published. Services send it from now on." in text(answer)
    draft.refresh_from_db()
    assert draft.template.published == draft
    assert draft.published_by.startswith("root")
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user.username) == (str(draft.pk), draft.published_by)
    assert "published" in entry.get_change_message()


def test_looking_at_the_question_does_not_publish(root: Client, draft: TemplateVersion) -> None:
    assert "nobody can change it afterwards" in text(root.get(page(draft, "publish")))
    assert root.post(page(draft, "publish")).status_code == 200
    draft.refresh_from_db()
    assert draft.published_at is None


def test_a_version_with_a_wrong_pattern_is_not_published_and_the_field_is_named(
    root: Client, draft: TemplateVersion
) -> None:
    draft.fields.filter(key="thing2").update(pattern="{{ product")
    answer = confirm(root, page(draft, "publish"))
    assert "thing2: {{ and }} must come in pairs. (position 1)" in text(answer)
    draft.template.refresh_from_db()
    assert draft.template.published is None
    assert not LogEntry.objects.exists()


def test_nothing_that_is_posted_changes_a_published_version(
    root: Client, draft: TemplateVersion
) -> None:
    """The form was opened while it was a draft; somebody else published it meanwhile."""
    values = form(root.get(page(draft)), FORM)
    confirm(root, page(draft, "publish"))
    before = snapshot(draft)
    values |= {"title": "Changed", "content": "x:{{thing9.DATA}}", "fields-0-pattern": "Changed"}
    assert root.post(page(draft), values).status_code == 403
    assert root.post(page(draft, "publish"), {"_form_submitted": "True"}).status_code == 403
    assert root.post(page(draft, "delete"), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [draft.pk], "post": "yes"}
    root.post(address("templates_app_templateversion", "changelist"), chosen)
    assert snapshot(draft) == before


def test_the_page_of_a_published_version_has_nothing_to_fill_in(
    root: Client, published: TemplateVersion
) -> None:
    shown = root.get(page(published))
    names = {name.rpartition("-")[2] for name in form(shown, FORM)}
    assert not names & {*VERSION, "template", "url", "pattern", "overflow", "sample", "label"}
    assert page(published, "publish") not in html(shown)
    assert "{{ product }}" in text(shown)


def test_a_template_with_a_published_version_cannot_be_deleted(
    root: Client, published: TemplateVersion
) -> None:
    root.post(template_page(published.template, "delete"), {"post": "yes"})
    assert MessageTemplate.objects.filter(pk=published.template_id).exists()


def test_a_new_version_is_a_draft_like_the_published_one(
    root: Client, published: TemplateVersion
) -> None:
    answer = confirm(root, template_page(published.template, "new_version"))
    copy = published.template.versions.get(published_at=None)
    assert copy.number == 2
    assert form(answer, FORM)["content"].splitlines() == published.content.splitlines()
    assert [field.pattern for field in copy.fields.all()] == list(builders.PATTERNS.values())
    published.template.refresh_from_db()
    assert published.template.published == published


def test_a_second_new_version_is_the_draft_that_is_there(
    root: Client, published: TemplateVersion
) -> None:
    for _ in range(2):
        confirm(root, template_page(published.template, "new_version"))
    assert published.template.versions.count() == 2


def test_the_templates_page_lists_its_versions_with_their_states(
    root: Client, published: TemplateVersion
) -> None:
    draft = builders.make_version(published.template)
    shown = root.get(template_page(published.template))
    for version in (draft, published):
        assert f'<a href="{page(version)}" class="hy-link">v{version.number}</a>' in html(shown)
    assert " published, sent now " in text(shown)
    assert " draft " in text(shown)
