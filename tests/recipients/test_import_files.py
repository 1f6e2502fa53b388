"""Files of recipients: what is read, and how errors are told."""

import pytest

from notifier.models import Recipient, RecipientImport
from notifier.recipients.imports import job
from tests import builders
from tests.recipients.importing import (
    checked,
    errors_of,
    figures,
    imported,
    sentences,
    uploaded,
    xlsx,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account():
    return builders.make_account()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_are_found_out(account, encoding, delimiter):
    lines = [["OpenID", "用户编号", "姓名"], ["oA", "u-1", "韩梅梅"]]
    text = "".join(f"{delimiter.join(line)}\r\n" for line in lines)
    imported(account, text.encode(encoding))
    stored = Recipient.objects.values_list("openid", "user_id", "name")
    assert stored.get() == ("oA", "u-1", "韩梅梅")


def test_a_workbook_is_read_as_well(account):
    row = imported(
        account,
        xlsx(["openid", "手机号", "user_id", "备注"], ["oA", 13800000001, 1001.0, "x"], [], ["oB"]),
        name="people.xlsx",
    )
    assert (figures(row), row.ignored_columns) == ((2, 0, 0, 0), ["备注"])
    assert Recipient.objects.get(openid="oA").phone_shown == "138****0001"
    assert Recipient.objects.get(openid="oA").user_id == "1001"


@pytest.mark.parametrize(
    ("header", "cell", "reason"),
    [
        ("email", "li@", "is not an e-mail address"),
        ("邮箱", "li@", "is not an e-mail address"),
        ("phone", "12345", "is not a phone number"),
        ("phone", "1.38E+10", "was changed by Excel into 1.38E+10"),
        ("name", "x" * 101, "is too long: 101 characters, at most 100"),
        ("user_id", "a\nb", "has a line break"),
        ("unionid", "o!", "is not a UnionID"),
        ("groups", ",".join(map(str, range(21))), "names more than 20 groups"),
    ],
)
def test_an_error_names_row_column_and_reason(account, header, cell, reason):
    row = checked(account, f'openid,{header}\noA,\n\noB,"{cell}"\n')
    (told,) = sentences(row)
    assert told.startswith(f"Row 4, column {header}: {reason}")
    assert figures(row) == (1, 0, 0, 1)


def test_a_row_without_an_openid_and_one_with_too_many_cells(account):
    row = checked(account, "openid,name\n,Li\noB,Han,what\n")
    assert sentences(row) == [
        "Row 2, column openid: is empty; every row needs an OpenID",
        "Row 3 has more cells than there are headers",
    ]


@pytest.mark.parametrize(
    ("column", "value"), [("user_id", "u-1"), ("phone", "13800000001"), ("unionid", "oU")]
)
def test_what_must_be_each_ones_own_is_told_when_it_comes_twice(account, column, value):
    row = checked(account, f"openid,{column}\noA,{value}\noB,{value}\n")
    assert sentences(row) == [f"Row 3, column {column}: is the same as in row 2"]


def test_an_openid_twice_in_a_file_is_told_over_many_chunks(account, monkeypatch):
    monkeypatch.setattr("notifier.recipients.imports.checking.CHUNK", 3)
    lines = [f"o{number}" for number in range(10)]
    row = checked(account, "\n".join(["openid", *lines, "o0"]))
    assert sentences(row) == ["Row 12, column openid: is the same as in row 2"]


@pytest.mark.parametrize("column", ["user_id", "phone"])
def test_what_belongs_to_somebody_else_is_told(account, column):
    imported(account, f"openid,{column}\noOWNER12345,13800000001\n")
    row = checked(account, f"openid,{column}\noA,13800000001\n")
    (told,) = sentences(row)
    assert "belongs to another recipient already (oOWN…2345)" in told


def test_the_file_of_errors_can_be_corrected_and_imported(account):
    row = imported(account, "openid,email,note\noA,a@example.com,=1+1\noB,wrong,=1+1\n")
    header, wrong = errors_of(row)
    assert header == ["openid", "email", "note", "row", "reason"]
    assert wrong == [
        "oB", "wrong", "'=1+1", "3", "Row 3, column email: is not an e-mail address"
    ]  # fmt: skip
    wrong[1] = "b@example.com"
    corrected = "\n".join(",".join(f'"{cell}"' for cell in line) for line in (header, wrong))
    again = imported(account, corrected)
    assert figures(again) == (1, 0, 0, 0)
    assert again.ignored_columns == ["note"]
    assert Recipient.objects.get(openid="oB").email == "b@example.com"


def test_reasons_are_given_in_the_language_of_who_uploaded(account):
    row = uploaded(account, "openid,email\noB,wrong\n")
    RecipientImport.objects.update(language="zh-hans")
    job.run(row.pk)
    assert "第 2 行" in errors_of(row)[1][-1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "The file is empty"),
        (b"openid\n", "no rows"),
        (b"name,email\nLi,\n", "There is no column"),
        (b"openid,mail,email\noA,,\n", "Two columns mean the same"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 99, "old Excel"),
        (b"PK\x03\x04" + b"x" * 99, "cannot be read"),
        (b"openid\n\xff\xff\xff\xff\n", "neither UTF-8 nor GB18030"),
        (b'openid\n"' + b"x" * 200_000, "no CSV"),
        (b"openid" + b"," * 300 + b"\noA", "at most 200"),
    ],
)
def test_a_file_that_cannot_be_imported_says_why(account, content, told):
    row = checked(account, content)
    assert row.state == "unreadable"
    text, params = row.error
    assert told in text % params


def test_a_column_that_holds_no_groups_is_told(account):
    lines = "\n".join(f"o{number},g-{number}" for number in range(201))
    assert "more than" in checked(account, f"openid,groups\n{lines}").error[0]
