"""The values that WeChat approved for a const field: written, checked, read."""

import pytest
from django.test import Client

from templates_app.models import MessageTemplate, TemplateVersion
from tests import builders
from tests.admin.browsing import confirm, faults, form, submit, text
from tests.admin.test_versions import FORM, page


@pytest.fixture
def approved(db: None) -> TemplateVersion:
    """A draft with a field whose values WeChat has approved."""
    template = MessageTemplate.objects.create(
        account=builders.make_account(), code="order", name="Order"
    )
    return builders.make_version(template, {}, content="商品:{{thing1.DATA}}\n状态:{{const2.DATA}}")


def allowed(version: TemplateVersion) -> list[list[str]]:
    return list(version.fields.values_list("enum_values", flat=True))


def test_the_allowed_values_of_a_field_are_written_with_commas(
    root: Client, approved: TemplateVersion
) -> None:
    written = {"fields-1-enum_values": "已发货, 已签收，已取消、已发货,", "fields-1-sample": "退货"}
    answer = submit(root, page(approved), FORM, **written)
    assert allowed(approved) == [[], ["已发货", "已签收", "已取消"]]
    assert form(answer, FORM)["fields-1-enum_values"] == "已发货, 已签收, 已取消"
    assert "状态 Only one of these values is allowed: 已发货, 已签收, 已取消." in text(answer)
    submit(root, page(approved), FORM, **{"fields-1-enum_values": ""})
    assert allowed(approved) == [[], []]


def test_an_allowed_value_that_wechat_cannot_take_is_refused_at_its_input(
    root: Client, approved: TemplateVersion
) -> None:
    answer = submit(root, page(approved), FORM, **{"fields-1-enum_values": f"好,{'长' * 21}"})
    assert "At most 20 characters" in faults(answer)["fields-1-enum_values"]
    assert allowed(approved) == [[], []]


def test_a_field_of_another_type_lists_no_values(root: Client, approved: TemplateVersion) -> None:
    submit(root, page(approved), FORM, **{"fields-0-enum_values": "a, b"})
    assert allowed(approved) == [[], []]


def test_the_allowed_values_of_a_published_version_are_read_as_text(
    root: Client, approved: TemplateVersion
) -> None:
    submit(root, page(approved), FORM, **{"fields-1-enum_values": "已发货,已签收"})
    confirm(root, page(approved, "publish"))
    assert " 已发货, 已签收 " in text(root.get(page(approved)))
