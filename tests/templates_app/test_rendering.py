import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_app.rendering import (
    CardRow,
    FieldSpec,
    PatternError,
    TemplateSpec,
    card_rows,
    compile_template,
    payload,
)


def field(pattern, key="thing1", overflow="reject", **more):
    return FieldSpec(key, "标签", pattern, overflow, **more)


def spec(*fields, **more):
    return TemplateSpec("T" * 43, "订单发货通知", fields or (field("{{ x }}"),), **more)


def render(template, **data):
    return compile_template(template).render(data)


def codes(rendered):
    return [(problem.pointer, problem.key, problem.code) for problem in rendered.problems]


ORDER = spec(
    field("{{ order_no }}", "character_string1"),
    field("{{ product }} x{{ count }}", "thing2", "shorten"),
    field("{{ time }}", "time3"),
    field("¥{{ amount }}", "amount4"),
    field("已发货", "phrase5"),
)
DATA = {"order_no": "SO-1", "product": "茶", "count": 2, "time": "15:01", "amount": "128.50"}


def test_a_message_is_rendered():
    rendered = compile_template(ORDER).render(DATA)
    assert rendered.problems == ()
    assert list(rendered.data.items()) == [
        ("character_string1", "SO-1"),
        ("thing2", "茶 x2"),
        ("time3", "15:01"),
        ("amount4", "¥128.50"),
        ("phrase5", "已发货"),
    ]


def test_variables_are_listed_once_in_order():
    template = spec(
        field("{{ b }}{{a}}"), field("{{ b }}", "thing2"), url="https://x.cn/{{ c }}?{{ a }}"
    )
    assert compile_template(template).variables == ("b", "a", "c")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("订单{{ x }}", "订单7"),
        ("{{x}}{{ x }}", "77"),
        ("100%{{ x }}%s", "100%7%s"),
        ("{ {{ x }} }", "{ 7 }"),
        ("只有字", "只有字"),
    ],
)
def test_a_pattern_is_filled(pattern, expected):
    assert render(spec(field(pattern)), x="7").data == {"thing1": expected}


@pytest.mark.parametrize(
    ("pattern", "position"),
    [
        ("订单{{ x", 2),
        ("x }}", 2),
        ("{{ x }} {{", 8),
        ("{{ }}", 0),
        ("a{{ 1x }}", 1),
        ("{{ x-y }}", 0),
        ("{{ 名字 }}", 0),
        ("{{ {{ x }} }}", 0),
    ],
)
def test_a_broken_pattern_says_where(pattern, position):
    with pytest.raises(PatternError) as caught:
        compile_template(spec(field(pattern)))
    assert (caught.value.key, caught.value.position) == ("thing1", position)


def test_a_broken_link_pattern_names_the_link():
    with pytest.raises(PatternError, match="url: "):
        compile_template(spec(url="https://x.cn/{{ a"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("  茶 \n", "茶"),
        (7, "7"),
        (-3, "-3"),
        (12.5, "12.5"),
        (1e16, "10000000000000000"),
        (Decimal("128.50"), "128.50"),
    ],
)
def test_a_value_becomes_text(value, text):
    assert render(spec(), x=value).data == {"thing1": text}
    assert render(spec(), x=value).problems == ()


@pytest.mark.parametrize(
    "value", [True, None, [], {}, b"x", float("nan"), float("inf"), Decimal("nan")]
)
@pytest.mark.parametrize("key", ["thing1", "free"])
def test_a_value_of_another_type_is_refused(value, key):
    rendered = render(spec(field("{{ x }}", key)), x=value)
    assert codes(rendered) == [("/x", key, "wrong_type")]
    assert rendered.problems[0].text == "The variable x must be a text or a number."


def test_a_missing_variable_is_named_once():
    template = spec(field("{{ x }}"), field("{{ x }}{{ y }}", "thing2"), url="https://x.cn/{{ z }}")
    assert codes(render(template)) == [
        ("/x", "thing1", "missing_variable"),
        ("/y", "thing2", "missing_variable"),
        ("/z", "url", "missing_variable"),
    ]


@pytest.mark.parametrize(
    ("pattern", "pointer"),
    [
        ("{{ x }}", "/x"),
        ("a{{ x }}{{ x }}", "/x"),
        ("{{ x }}{{ y }}", "/thing1"),
        ("长" * 21, "/thing1"),
    ],
)
def test_a_problem_points_at_the_variable_at_fault(pattern, pointer):
    rendered = render(spec(field(pattern)), x="茶" * 21, y="水")
    assert codes(rendered) == [(pointer, "thing1", "too_long")]


def test_all_problems_are_reported_together():
    data = DATA | {"amount": "1,000", "time": "soon"}
    rendered = compile_template(ORDER).render(data)
    assert codes(rendered) == [
        ("/time", "time3", "wrong_time"),
        ("/amount", "amount4", "wrong_amount"),
    ]
    assert rendered.data["character_string1"] == "SO-1"


def test_an_overflow_is_shortened_where_wanted():
    rendered = compile_template(ORDER).render(DATA | {"product": "茶" * 30})
    assert rendered.problems == ()
    assert rendered.data["thing2"] == "茶" * 19 + "…"


@pytest.mark.parametrize(("key", "value"), [("phone_number1", "1" * 18), ("phrase1", "茶" * 6)])
def test_what_cannot_be_shortened_stays_refused(key, value):
    rendered = render(spec(field("{{ x }}", key, "shorten")), x=value)
    assert codes(rendered) == [("/x", key, "too_long")]


def test_only_listed_values_pass():
    template = spec(field("{{ x }}", "const1", enum_values=("已完成", "已取消")))
    assert render(template, x="已完成").problems == ()
    assert codes(render(template, x="别的")) == [("/x", "const1", "not_in_enum")]


def test_an_emoji_passes_the_exact_way():
    assert render(spec(), x="🎉茶").data == {"thing1": "🎉茶"}
    assert render(spec(), x="🎉茶").problems == ()


@pytest.mark.parametrize(
    ("url", "x", "expected"),
    [
        ("https://x.cn/a", "", "https://x.cn/a"),
        ("https://x.cn/{{ x }}", "a/b 茶&", "https://x.cn/a%2Fb%20%E8%8C%B6%26"),
        ("{{ x }}", "https://x.cn/a?b=c", "https://x.cn/a?b=c"),
        ("{{ x }}", "", ""),
        ("", "", ""),
    ],
)
def test_a_link_is_filled(url, x, expected):
    rendered = render(spec(field("茶"), url=url), x=x)
    assert (rendered.url, rendered.problems) == (expected, ())


@pytest.mark.parametrize(
    ("url", "x", "problem"),
    [
        ("{{ x }}", "javascript:alert(1)", ("/x", "url", "wrong_url")),
        ("{{ x }}", "https://x.cn/a b", ("/x", "url", "wrong_url")),
        ("{{ x }}", "https://x.cn/\ud800", ("/x", "url", "wrong_url")),
        ("ftp://x.cn", "", ("/url", "url", "wrong_url")),
        ("https://x.cn/{{ x }}", "茶" * 120, ("/x", "url", "url_too_long")),
    ],
)
def test_a_bad_link_is_refused(url, x, problem):
    assert codes(render(spec(field("茶"), url=url), x=x)) == [problem]


def test_a_mini_program_page_is_filled():
    template = spec(miniprogram_appid="wx1", miniprogram_pagepath="pages/o?id={{ x }}")
    assert render(template, x="a&b").miniprogram == ("wx1", "pages/o?id=a%26b")
    assert render(spec(miniprogram_pagepath="pages/o"), x="a").miniprogram is None


def test_the_payload_is_wechats():
    rendered = compile_template(replace(ORDER, url="https://x.cn", miniprogram_appid="wx1")).render(
        DATA
    )
    body = payload(rendered, touser="oA", template_id="T", client_msg_id="m1")
    assert body["data"]["thing2"] == {"value": "茶 x2"}
    del body["data"]
    assert body == {
        "touser": "oA",
        "template_id": "T",
        "url": "https://x.cn",
        "miniprogram": {"appid": "wx1"},
        "client_msg_id": "m1",
    }


def test_the_payload_leaves_out_what_is_empty():
    body = payload(render(spec(), x="茶"), touser="oA", template_id="T", client_msg_id="m1")
    assert body.keys() == {"touser", "template_id", "client_msg_id", "data"}


def test_the_callers_targets_replace_the_templates():
    rendered = render(spec(url="https://x.cn", miniprogram_appid="wx1"), x="茶")
    ids = {"touser": "oA", "template_id": "T", "client_msg_id": "m1"}
    assert "url" not in payload(rendered, **ids, url="")
    body = payload(rendered, **ids, url="https://y.cn", miniprogram=("wx2", "p"))
    assert body["url"] == "https://y.cn"
    assert body["miniprogram"] == {"appid": "wx2", "pagepath": "p"}


def test_the_card_shows_history_templates_as_wechat_does():
    compiled = compile_template(
        spec(field("你好", "first"), field("{{ x }}", "keyword1"), field("谢谢", "remark"))
    )
    assert card_rows(compiled.spec.fields, compiled.render({"x": "茶" * 30}).data) == [
        CardRow("标签", "你好", True),
        CardRow("标签", "茶" * 19 + "…", False),
        CardRow("标签", "谢谢", True),
    ]


def test_the_card_of_a_faulty_message_still_has_its_rows():
    compiled = compile_template(spec(field("{{ x }}"), field("{{ y }}", "thing2")))
    rows = card_rows(compiled.spec.fields, compiled.render({"x": "茶" * 21}).data)
    assert [row.value for row in rows] == ["茶" * 21, ""]


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None))
)
KEYS = st.sampled_from(["thing1", "time1", "amount1", "name1", "keyword1", "first", "free"])


@given(KEYS, st.sampled_from(["{{ x }}", "a{{ x }}b{{ y }}", "z"]), VALUES, VALUES)
def test_any_data_renders_to_storable_text_or_problems(key, pattern, x, y):
    template = spec(field(pattern, key, "shorten"), url="https://x.cn/{{ y }}")
    rendered = render(template, x=x, y=y)
    if not rendered.problems:
        text = json.dumps(payload(rendered, touser="o", template_id="t", client_msg_id="m"))
        assert "\\u0000" not in text
        assert rendered.data[key].encode().decode() == rendered.data[key]
