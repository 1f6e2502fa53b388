"""A template's life in the admin: synced, drafted, reviewed by another, compared, sent again."""

import pytest
from django.test import Client

from notifier.intake.accept import Origin
from notifier.models import AuditEntry
from templates_app.models import ListedTemplate, MessageTemplate, TemplateVersion
from templates_app.publishing import note_author
from templates_app.sync import sync
from tests import builders
from tests.admin.browsing import confirm, html, text
from tests.admin.conftest import StaffMaker
from tests.builders import now

MAY_WRITE = (
    "templates_app.view_templateversion",
    "templates_app.change_templateversion",
    "templates_app.view_templatefield",
    "templates_app.change_templatefield",
)


def page(version: TemplateVersion, action: str = "") -> str:
    return f"/admin/templates_app/templateversion/{version.pk}/{action or 'change'}/"


@pytest.fixture
def draft(db: None, settings: object) -> TemplateVersion:
    version = builders.make_version(builders.make_template())
    settings.TEMPLATE_REVIEW = True  # type: ignore[attr-defined]
    note_author(version, "somebody")
    return version


def test_the_author_asks_and_another_publishes(staff: StaffMaker, draft: TemplateVersion) -> None:
    author = staff(*MAY_WRITE)
    assert "waits for a review" in text(confirm(author, page(draft, "ask-for-review")))
    approver = staff("templates_app.view_templateversion", "templates_app.publish_templateversion")
    assert "In review: asked for by" in text(approver.get(page(draft)))
    assert "is published" in text(confirm(approver, page(draft, "publish")))
    draft.refresh_from_db()
    assert draft.is_published


def test_ones_own_change_is_not_ones_to_approve(root: Client, draft: TemplateVersion) -> None:
    who = root.get("/admin/").wsgi_request.user.get_username()  # type: ignore[attr-defined]
    note_author(draft, who)
    confirm(root, page(draft, "ask-for-review"))
    said = text(confirm(root, page(draft, "publish")))
    assert "You changed this version. Somebody else must approve it." in said
    draft.refresh_from_db()
    assert not draft.is_published


def test_two_versions_side_by_side(root: Client, draft: TemplateVersion) -> None:
    draft.fields.filter(key="thing2").update(pattern="新{{ product }}")
    shown = html(root.get(page(draft, "compare")))
    assert shown.count('class="hy-differs"') == 2  # WeChat's id, and the pattern
    assert "新{{ product }}" in shown


def test_an_earlier_version_is_sent_again(root: Client, draft: TemplateVersion) -> None:
    first = draft.template.published
    assert first is not None
    TemplateVersion.objects.filter(pk=draft.pk).update(published_at=now(), published_by="bob")
    MessageTemplate.objects.update(published=draft)
    confirm(root, page(first, "publish-again"))
    assert MessageTemplate.objects.get().published == first


def test_the_preview_follows_what_is_typed(root: Client, draft: TemplateVersion) -> None:
    field = draft.fields.get(key="thing2")
    typed = {
        "fields-0-id": str(field.pk),
        "fields-0-pattern": "{{ product }}",
        "fields-0-sample": "长" * 21,
        "fields-0-overflow": "reject",
    }
    said = text(root.post(page(draft, "preview"), typed))
    assert "长" * 21 in said
    assert "At most 20 characters are allowed; this has 21." in said
    field.refresh_from_db()
    assert field.sample == ""


def test_who_may_not_see_versions_gets_no_preview(
    staff: StaffMaker, draft: TemplateVersion
) -> None:
    assert staff().post(page(draft, "preview"), {}).status_code in (403, 404)


def test_a_changed_template_shows_what_changed_and_who_sends_it(
    root: Client, draft: TemplateVersion
) -> None:
    template = draft.template
    origin = Origin(client=builders.make_client(name="shop"))
    builders.make_message(template, origin=origin)
    version = template.published
    assert version is not None
    row = {
        "template_id": version.wechat_template_id,
        "title": "t",
        "content": version.content.replace("thing2", "thing9"),
    }
    sync(template.account, [row], now())
    said = text(root.get(f"/admin/templates_app/messagetemplate/{template.pk}/change/"))
    for part in ("WeChat changed the template", "thing9.DATA", "thing2.DATA", "Who sends it shop"):
        assert part in said, part


def test_a_template_is_made_of_wechats(root: Client, account: object) -> None:
    listed = ListedTemplate.objects.create(
        account=account,
        wechat_template_id="x",
        title="发货",
        content="商品:{{thing1.DATA}}",
        seen_at=now(),
    )
    where = f"/admin/templates_app/listedtemplate/{listed.pk}/make-template/"
    answer = root.post(where, {"_form_submitted": "True", "code": "shipped"})
    version = TemplateVersion.objects.get(template__code="shipped")
    assert answer.headers["HX-Redirect"].startswith(page(version))
    again = root.post(where, {"_form_submitted": "True", "code": "shipped"})
    assert "There is a template with this code already." in text(again)


def test_the_accounts_page_syncs(platform, root: Client) -> None:  # type: ignore[no-untyped-def]
    where = f"/admin/templates_app/officialaccount/{platform.account.pk}/sync-templates/"
    said = text(confirm(root, where))
    assert "WeChat lists 1 templates." in said
    assert platform.template.code in said
    assert AuditEntry.objects.get(action="sync").after == '{"templates":1}'
