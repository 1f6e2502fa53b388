import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_app.content import ContentField, parse_content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "订单号:{{character_string1.DATA}}\n商品:{{thing2.DATA}}\n时间:{{time3.DATA}}",
            [
                ("character_string1", "订单号", "character_string"),
                ("thing2", "商品", "thing"),
                ("time3", "时间", "time"),
            ],
        ),
        ("订单号：{{ thing1.DATA }}\r\n", [("thing1", "订单号", "thing")]),
        (
            "{{first.DATA}}\n姓名:{{keyword1.DATA}}\n{{remark.DATA}}",
            [("first", "", "history"), ("keyword1", "姓名", "history"), ("remark", "", "history")],
        ),
        (
            "从 {{thing1.DATA}} 到: {{thing2.DATA}}",
            [("thing1", "从", "thing"), ("thing2", "到", "thing")],
        ),
        ("甲:{{thing1.DATA}}\n乙:{{thing1.DATA}}", [("thing1", "甲", "thing")]),
        ("{{name.DATA}}", [("name", "", None)]),
        ("时间: 上午 :{{time1.DATA}}", [("time1", "时间: 上午", "time")]),
        ("没有占位符 {{thing1}} {thing2.DATA}", []),
        ("", []),
    ],
)
def test_content_is_read_into_fields(content, expected):
    assert parse_content(content) == tuple(ContentField(*row) for row in expected)


@given(st.text("{}.DATAthing12:： \n", max_size=60))
def test_any_content_gives_unique_keys(content):
    keys = [field.key for field in parse_content(content)]
    assert len(keys) == len(set(keys))
