"""What may go wrong with a field, told before WeChat says it: a reason and a fix."""

import pytest

from templates_app.fields import LISTED, TYPES, compile_rule
from templates_app.lint import EXAMPLES, lint
from templates_app.models import TemplateField

GOOD = {"label": "商品", "pattern": "{{ x }}", "overflow": "shorten", "sample": "茶"}


def codes(key="thing1", **values):
    return [hint.code for hint in lint([TemplateField(key=key, **GOOD | values)])]


def test_a_good_field_has_no_hint():
    assert codes() == []


@pytest.mark.parametrize(
    ("key", "values", "code"),
    [
        ("thing1", {"pattern": " "}, "empty"),
        ("thing1", {"pattern": "{{ x"}, "pattern"),
        ("thing1", {"label": ""}, "no_label"),
        ("thing1", {"sample": ""}, "no_sample"),
        ("thing1", {"sample": "长" * 21}, "too_long"),
        ("thing1", {"pattern": "长" * 20 + "{{ x }}"}, "too_long"),
        ("thing1", {"pattern": "a\nb {{ x }}"}, "has_line_break"),
        ("thing1", {"pattern": "🎉 {{ x }}"}, "has_emoji"),
        ("thing1", {"overflow": "reject"}, "may_be_too_long"),
        ("character_string1", {"pattern": "订单{{ x }}", "sample": "A1"}, "has_chinese"),
        ("amount1", {"sample": "1,280"}, "wrong_amount"),
        ("time1", {"sample": "tomorrow"}, "wrong_time"),
    ],
)
def test_each_fault_is_told(key, values, code):
    assert code in codes(key, **values)


def test_errors_come_first():
    fields = [
        TemplateField(key="thing1", **GOOD | {"label": ""}),
        TemplateField(key="thing2", **GOOD | {"pattern": ""}),
    ]
    assert [hint.is_error for hint in lint(fields)] == [True, False]


@pytest.mark.parametrize("kind", set(TYPES) - LISTED)
def test_the_example_of_every_type_is_accepted(kind):
    assert compile_rule(f"{kind}1")(EXAMPLES[kind]) is None
