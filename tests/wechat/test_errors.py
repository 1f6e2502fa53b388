import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.wechat import errors
from notifier.wechat.errcodes import TABLE
from notifier.wechat.errors import Kind

# Every code of the reference's table (official pages, SDK enums, community reports).
KNOWN_CODES = [
    *(-1, 0, 20001, 20002, 40001, 40002, 40003, 40008, 40013, 40014, 40029, 40031, 40032, 40033),
    *(40035, 40036, 40037, 40038, 40039, 40048, 40066, 40102, 40103, 40125, 40132, 40163, 40164),
    *(40165, 40166, 40201, 40202, 40203, 40226, 40241, 40243, 40246, 40247, 40249, 40250, 40251),
    *(40252, 41001, 41002, 41003, 41004, 41005, 41006, 41007, 41008, 41009, 41028, 41029, 41030),
    *(42001, 42002, 42003, 42007, 43001, 43002, 43003, 43004, 43005, 43019, 43100, 43101, 43102),
    *(43104, 43106, 43107, 43108, 43116, 43117, 44002, 45002, 45009, 45011, 45015, 45026, 45027),
    *(45028, 45035, 61004, 45040, 45047, 45051, 45056, 45057, 45058, 45059, 45157, 45158, 45159),
    *(45169, 45171, 45065, 45066, 45067, 45102, 45103, 45104, 45109, 45168, 45501, 46004, 47001),
    *(47002, 47003, 48001, 48002, 48003, 48004, 48006, 48008, 48011, 49003, 50001, 50002, 50004),
    *(50005, 50007, 61007, 61024, 76001, 76002, 76003, 76004, 76021, 76022, 89501, 89502, 89503),
    *(89504, 89505, 89506, 89507, 200011, 200012, 200013, 200014, 200015, 200016, 200017, 200018),
    *(200019, 200020, 200021, 200022, 200100, 268487001, 268487002),
]


@pytest.mark.parametrize("code", KNOWN_CODES)
def test_every_known_code_has_a_meaning_and_a_fix(code):
    row = errors.lookup(code)
    assert row.code == code
    assert row.kind not in {Kind.UNKNOWN_CODE, Kind.AMBIGUOUS}
    assert row.meaning.endswith(".")
    assert row.fix.endswith(".")


def test_the_table_has_no_code_that_the_reference_lacks():
    assert set(TABLE) == set(KNOWN_CODES)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0, Kind.OK),
        (-1, Kind.SLOW),
        (45011, Kind.SLOW),
        (40001, Kind.TOKEN),
        (40014, Kind.TOKEN),
        (42001, Kind.TOKEN),
        (43117, Kind.RETRY),
        (45009, Kind.QUOTA),
        (40251, Kind.QUOTA),
        (43004, Kind.RECIPIENT),
        (43101, Kind.RECIPIENT),
        (40037, Kind.TEMPLATE),
        (43116, Kind.TEMPLATE),
        (40164, Kind.ACCOUNT),
        (48001, Kind.ACCOUNT),
        (50002, Kind.ACCOUNT),
        (47003, Kind.REQUEST),
        (40241, Kind.OK),
        (45065, Kind.OK),
        (99999, Kind.UNKNOWN_CODE),
    ],
)
def test_a_code_says_what_to_do(code, kind):
    assert errors.kind_of(code) is kind


@pytest.mark.parametrize(("code", "seconds"), [(43117, 3600), (45011, 60), (-1, None), (0, None)])
def test_some_codes_say_when_to_come_back(code, seconds):
    assert errors.lookup(code).retry_after == seconds


def test_a_wrong_mini_program_does_not_stop_the_account():
    assert errors.kind_of(40013) is Kind.TEMPLATE
    assert errors.token_error_kind(40013) is Kind.ACCOUNT


@pytest.mark.parametrize(
    "code", [40001, 40013, 40125, 40164, 40243, 61004, 89501, 89503, 50004, 50007, 45009, 12345]
)
def test_a_failed_token_call_needs_a_person(code):
    assert errors.token_error_kind(code) is Kind.ACCOUNT


@pytest.mark.parametrize("code", [-1, 45011])
def test_a_busy_token_call_is_repeated(code):
    assert errors.token_error_kind(code) is Kind.RETRY


@pytest.mark.parametrize(
    ("errmsg", "text", "rid"),
    [
        (
            "invalid appid rid: 65eac940-1a79c8dc-1be683b5",
            "invalid appid",
            "65eac940-1a79c8dc-1be683b5",
        ),
        ("not in whitelist, rid: 6385c6c1-00-ff", "not in whitelist", "6385c6c1-00-ff"),
        ("invalid credential hint: [0Kd0wA!]", "invalid credential", "0Kd0wA!"),
        ("not latest hint: [abc] rid: 1-2-3", "not latest", "1-2-3"),
        ("system error", "system error", ""),
        ("ok", "ok", ""),
        ("", "", ""),
        ("rid: 1-2-3", "", "1-2-3"),
    ],
)
def test_the_rid_is_split_off(errmsg, text, rid):
    assert errors.split_rid(errmsg) == (text, rid)


@pytest.mark.parametrize(
    "text",
    [
        "/cgi-bin/message/template/send?access_token=83_S3CR-ET&x=1",
        "url: /cgi-bin/token?grant_type=client_credential&appid=wx1&secret=S3CR-ET (Caused by ...)",
        '{"grant_type":"client_credential","secret":"S3CR-ET"}',
        '{"access_token": "S3CR-ET", "expires_in": 7200}',
        '"{\\"appsecret\\": \\"S3CR-ET\\"}"',
        "{'secret': 'S3CR-ET', 'force_refresh': False}",
        "ACCESS_TOKEN=S3CR-ET",
        "a%3Faccess_token%3DS3CR-ET",
        "EncodingAESKey=S3CR-ET",
        "component_access_token=S3CR-ET&access_token=S3CR-ET",
    ],
)
def test_secrets_are_redacted(text):
    assert "S3CR-ET" not in errors.redact(text)
    assert "[redacted]" in errors.redact(text)


def test_what_is_no_secret_stays():
    text = "40001 invalid credential, access_token is invalid or not latest"
    assert errors.redact(text) == text
    assert errors.redact("?access_token=abc&openid=o1") == "?access_token=[redacted]&openid=o1"


@given(st.text())
def test_redacting_twice_changes_nothing(text):
    once = errors.redact(f"access_token={text}")
    assert errors.redact(once) == once


@pytest.mark.parametrize("error", [errors.Unreachable, errors.Ambiguous])
def test_an_error_text_carries_no_url_and_no_token(error):
    text = str(error("GET https://api.weixin.qq.com/x?access_token=T0KEN url: /y?secret=T0KEN"))
    assert "T0KEN" not in text
    assert "https://" not in text


def test_each_error_says_what_to_do():
    assert errors.Unreachable("dns").kind is Kind.RETRY
    assert errors.Ambiguous("read time-out").kind is Kind.AMBIGUOUS
    assert errors.Refused(43004, "require subscribe").kind is Kind.RECIPIENT


def test_a_refusal_keeps_code_and_rid_through_pickle():
    refused = pickle.loads(pickle.dumps(errors.Refused(40037, "invalid template_id", "1-2")))  # noqa: S301
    assert (refused.errcode, refused.errmsg, refused.rid) == (40037, "invalid template_id", "1-2")
    assert str(refused) == "40037 invalid template_id (rid 1-2)"
    assert isinstance(refused, errors.WeChatError)
