import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_app import fields
from templates_app.fields import compile_rule, field_type, shorten, units


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("thing3", "thing"),
        ("character_string12", "character_string"),
        ("short_thing1", "short_thing"),
        ("car_number2", "car_number"),
        ("first", "history"),
        ("keyword1", "history"),
        ("keyword12", "history"),
        ("remark", "history"),
        ("keyword", None),
        ("thing", None),
        ("things1", None),
        ("Thing1", None),
        ("order_no", None),
        ("name", None),
        ("", None),
    ],
)
def test_the_type_follows_from_the_key(key, kind):
    assert field_type(key) == kind


GOOD = [
    ("thing1", "龙井茶叶 x2，已发货！"),
    ("thing1", "茶" * 20),
    ("thing1", "🎉" * 10),
    ("thing1", " 两边有空格 "),
    ("short_thing1", "见换班岗位"),
    ("character_string1", "SO-2026/11 #23_" + "9" * 17),
    ("character_string1", "€ é 🎉"),
    ("time1", "15:01"),
    ("time1", "9:05:59"),
    ("time1", "2019年10月1日 15:01"),
    ("time1", "2019年10月1日15:01"),
    ("time1", "2025-11-29 10:00:00~12:00:00"),
    ("time1", "2025-11-29 10:00 ~ 2025-11-30 12:00"),
    ("time1", "09:00~18:00"),
    ("time1", "2024-07-12"),
    ("time1", "2024/7/2 9:00"),
    ("time1", "2024.07.12"),
    ("time1", "2024年7月"),
    ("time1", "7月12日"),
    ("date1", "2026-10-01"),
    ("date1", "2026年10月1日 15:01"),
    ("date1", "2026-10-01~2026-10-07"),
    ("amount1", "¥128.50"),
    ("amount1", "$1234567890"),
    ("amount1", "128.5元"),
    ("amount1", "0"),
    ("phone_number1", "+86-0766-66888866"),
    ("phone_number1", "138****1234"),
    ("car_number1", "粤A8Z888挂"),
    ("car_number1", "粤A88888"),
    ("const1", "已完成"),
    ("phrase1", "已发货"),
    ("phrase1", "一二三四五"),
    ("number1", "1" * 32),
    ("number1", "3.1415"),
    ("letter1", "Abc"),
    ("symbol1", "+-_!?"),
    ("name1", "张三丰"),
    ("name1", "Alexander Hamilton"),
    ("name1", "𠮷野家"),
    ("enum1", "任何值都可以没有列表时"),
    ("first", ""),
    ("remark", "\n"),
    ("keyword1", "任意长度" * 50 + "\n第二行"),
    ("anything", ""),
    ("anything", "free\nform" * 99),
]
BAD = [
    ("thing1", "", "empty"),
    ("thing1", " \t　", "empty"),
    ("thing1", "茶" * 21, "too_long"),
    ("thing1", "🎉" * 11, "too_long"),
    ("thing1", "一行\n二行", "has_line_break"),
    ("thing1", "一行\u2028二行", "has_line_break"),
    ("thing1", "一行\n", "has_line_break"),
    ("thing1", "铃\x07", "has_control_character"),
    ("thing1", "半\ud83d", "has_control_character"),
    ("short_thing1", "一二三四五六七八九十一", "too_long"),
    ("character_string1", "订单SO1", "has_chinese"),
    ("character_string1", "SO1，SO2", "has_chinese"),
    ("character_string1", "9" * 33, "too_long"),
    ("time1", "24:00", "wrong_time"),
    ("time1", "15:60", "wrong_time"),
    ("time1", "2026-13-01", "wrong_time"),
    ("time1", "2026-1.1", "wrong_time"),
    ("time1", "明天下午", "wrong_time"),
    ("time1", "١٢:٠٠", "wrong_time"),
    ("time1", "2026-10-01T15:01", "wrong_time"),
    ("date1", "15:01", "wrong_date"),
    ("amount1", "12345678901", "wrong_amount"),
    ("amount1", "1,000", "wrong_amount"),
    ("amount1", "¥", "wrong_amount"),
    ("amount1", "￥¥1", "wrong_amount"),
    ("phone_number1", "138-0013-8000-1234", "too_long"),
    ("phone_number1", "电话12345", "wrong_phone_number"),
    ("phone_number1", "---", "wrong_phone_number"),
    ("car_number1", "粤粤A888", "wrong_car_number"),
    ("car_number1", "粤A8888888", "too_long"),
    ("const1", "长" * 21, "too_long"),
    ("phrase1", "OK", "not_chinese"),
    ("phrase1", "一二三四五六", "too_long"),
    ("number1", "1" * 33, "wrong_number"),
    ("number1", "1" * 16 + "." + "1" * 17, "wrong_number"),
    ("number1", "一", "wrong_number"),
    ("letter1", "a1", "not_letters"),
    ("symbol1", "a", "not_symbols"),
    ("symbol1", "!!!!!!", "too_long"),
    ("name1", "张" * 11, "too_long"),
    ("name1", "张Alexander三", "too_long"),
    ("name1", "A" * 21, "too_long"),
    ("name1", "张3", "wrong_name"),
    ("keyword1", " ", "empty"),
    ("keyword1", "\ud800", "has_control_character"),
    ("anything", "nul\x00", "has_control_character"),
]


@pytest.mark.parametrize(("key", "value"), GOOD)
def test_a_good_value_has_no_problem(key, value):
    assert compile_rule(key)(value) is None


@pytest.mark.parametrize(("key", "value", "code"), BAD)
def test_a_bad_value_is_diagnosed(key, value, code):
    problem = compile_rule(key)(value)
    assert problem is not None
    assert problem.code == code
    assert "%" not in problem.text


@pytest.mark.parametrize("kind", ["const", "enum"])
def test_a_listed_value_must_be_in_the_list(kind):
    rule = compile_rule(f"{kind}1", ("已完成", "已取消"))
    assert rule("已完成") is None
    assert rule("已发货").code == "not_in_enum"
    assert rule("已发货").text == "Only one of these values is allowed: 已完成, 已取消."
    assert rule("").code == "empty"


def test_a_list_means_nothing_to_other_types():
    assert compile_rule("thing1", ("甲",))("乙") is None


def test_a_list_cannot_allow_what_wechat_refuses():
    assert compile_rule("const1", ("长" * 21,))("长" * 21).code == "too_long"


def test_the_text_of_a_problem_names_limit_and_length():
    text = compile_rule("thing1")("茶" * 23).text
    assert text == "At most 20 characters are allowed; this has 23."


KEYS = [f"{kind}1" for kind in fields.TYPES]
TRICKY = st.text(
    st.one_of(
        st.characters(codec=None),
        st.sampled_from("茶张元年月日~:-./ ¥0123aZ_é🎉👍🏽\u200d\ufe0f\u0301\n\x00\ud83d，"),
    ),
    max_size=40,
)


@given(st.sampled_from([*KEYS, "first", "keyword1", "free"]), TRICKY)
def test_the_fast_path_never_contradicts_the_diagnosis(key, value):
    if fields.compile_accepts(key)(value):
        assert fields.compile_diagnosis(key)(value) is None


@given(st.sampled_from([*KEYS, "keyword1"]), TRICKY)
def test_shortening_stays_within_the_limit_and_stays_a_beginning(key, value):
    short = shorten(key, value)
    limit = fields.limit_of(field_type(key), value)
    assert limit is None or units(short) <= limit
    assert short == value or (short[-1] == "…" and value.startswith(short[:-1]))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("thing1", "茶" * 20, "茶" * 20),
        ("thing1", "茶" * 21, "茶" * 19 + "…"),
        ("keyword1", "茶" * 21, "茶" * 19 + "…"),
        ("thing1", "a" * 18 + "🎉bc", "a" * 18 + "…"),
        ("thing1", "a" * 18 + "e\u0301bc", "a" * 18 + "…"),
        ("thing1", "a" * 15 + "👨\u200d👩\u200d👧", "a" * 15 + "…"),
        ("thing1", "a" * 17 + "👍🏽b", "a" * 17 + "…"),
        ("thing1", "a" * 18 + " bcd", "a" * 18 + "…"),
        ("name1", "张" * 11, "张" * 9 + "…"),
        ("time1", "x" * 99, "x" * 99),
        ("free", "x" * 99, "x" * 99),
    ],
)
def test_a_long_value_is_cut(key, value, expected):
    assert shorten(key, value) == expected
