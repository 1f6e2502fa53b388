import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.wechat import callback
from notifier.wechat.callback import BadPush, BadSignature, CallbackKeys, Outcome

# The vectors of the official page "Message encryption and decryption".
TOKEN = "AAAAA"
APPID = "wxba5fad812f8e6fb9"
AES_KEY = "A" * 43
SEALED = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcv"
    "ZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3F"
    "n2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSe"
    "OBrebufAlr7F9mFUPAJGj04="
)
SEALED_QUERY = {
    "signature": "6c5c811b55cc85e0e1b54100749188c20beb3f5d",
    "timestamp": "1714112445",
    "nonce": "415670741",
    "encrypt_type": "aes",
    "msg_signature": "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3",
}
SEALED_BODY = f"<xml><ToUserName>gh_97417a04a28d</ToUserName><Encrypt>{SEALED}</Encrypt></xml>"
RECEIPT = (
    "<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName>"
    "<FromUserName><![CDATA[oABCDEFGHIJKLMNOPQRSTUVWXYZ1]]></FromUserName>"
    "<CreateTime>1721621154</CreateTime><MsgType><![CDATA[event]]></MsgType>"
    "<Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>3557254367693750277</MsgID>"
    "<Status><![CDATA[failed: system failed]]></Status><EventKey></EventKey>"
    "<List><item>1</item></List></xml>"
)
SAFE = CallbackKeys(TOKEN, APPID, (AES_KEY,), "safe")
COMPATIBLE = CallbackKeys(TOKEN, APPID, (AES_KEY,), "compatible")
PLAIN = CallbackKeys(TOKEN, APPID, (), "plain")
OTHER_KEY = "B" * 43


def signed(**extra):
    query = {"timestamp": "1", "nonce": "2"} | extra
    return query | {"signature": callback.signature(TOKEN, "1", "2")}


def sealed(message, aes_key=AES_KEY, appid=APPID):
    """The query and the body of an encrypted push."""
    text = callback.encrypt(aes_key, appid, message.encode(), b"r" * 16)
    query = signed(encrypt_type="aes", msg_signature=callback.signature(TOKEN, "1", "2", text))
    return query, f"<xml><Encrypt>{text}</Encrypt></xml>".encode()


@pytest.mark.parametrize(
    ("timestamp", "nonce", "expected"),
    [
        ("1714036504", "1514711492", "f464b24fc39322e44b38aa78f5edd27bd1441696"),
        ("1714037059", "486452656", "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
    ],
)
def test_the_url_is_verified_by_the_official_vectors(timestamp, nonce, expected):
    assert callback.verify_url(TOKEN, timestamp, nonce, expected)
    assert not callback.verify_url("AAAAB", timestamp, nonce, expected)


@pytest.mark.parametrize("wrong", ["", "签名", "\ud800", "f" * 40])
def test_a_wrong_signature_is_refused(wrong):
    assert not callback.verify_url(TOKEN, "1714036504", "1514711492", wrong)


@pytest.mark.parametrize("keys", [SAFE, COMPATIBLE], ids=["safe", "compatible"])
@pytest.mark.parametrize("body", [SEALED_BODY, f'{{"Encrypt":"{SEALED}"}}'], ids=["xml", "json"])
def test_the_official_encrypted_push_is_opened(keys, body):
    push = callback.open_push(keys, SEALED_QUERY, body.encode())
    assert (push.event, push.msg_type, push.created_at) == ("debug_demo", "event", 1714112445)
    assert push.openid == "o9AgO5Kd5ggOC-bXrbNODIiE3bGY"
    assert push.original_id == "gh_97417a04a28d"
    assert push.fields == {"debug_str": "hello world"}


def test_the_official_push_is_encrypted_alike():
    message = callback.decrypt(AES_KEY, APPID, SEALED)
    assert callback.encrypt(AES_KEY, APPID, message, b"a8eedb185eb2fecf") == SEALED


def test_the_official_reply_is_sealed_alike():
    reply = callback.sealed_reply(
        SAFE, '{"demo_resp":"good luck"}', "1713424427", "415670741", b"707722b803182950"
    )
    assert reply == (
        "<xml><Encrypt>ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve"
        "1L32tmxSQ==</Encrypt><MsgSignature>1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1</MsgSignature>"
        "<TimeStamp>1713424427</TimeStamp><Nonce>415670741</Nonce></xml>"
    )


@pytest.mark.parametrize("keys", [PLAIN, COMPATIBLE], ids=["plain", "compatible"])
def test_a_plain_receipt_is_read(keys):
    push = callback.open_push(keys, signed(), RECEIPT.encode())
    assert push.event == "templatesendjobfinish"
    assert push.openid == "oABCDEFGHIJKLMNOPQRSTUVWXYZ1"
    assert push.msgid == "3557254367693750277"
    assert push.status == "failed: system failed"
    assert push.created_at == 1721621154
    assert push.fields == {"EventKey": ""}


@pytest.mark.parametrize("mode", ["safe", "Plain", ""])
def test_safe_mode_and_any_unknown_mode_refuse_a_plain_push(mode):
    keys = CallbackKeys(TOKEN, APPID, (AES_KEY,), mode)
    with pytest.raises(BadPush, match="not encrypted"):
        callback.open_push(keys, signed(), RECEIPT.encode())


def test_the_encrypted_element_wins_in_compatible_mode():
    query, body = sealed(RECEIPT.replace("failed: system failed", "success"))
    body = body.replace(b"<xml>", b"<xml><Status>forged</Status>")
    assert callback.open_push(COMPATIBLE, query, body).status == "success"


def test_an_encrypted_push_needs_its_own_signature():
    query, body = sealed(RECEIPT)
    with pytest.raises(BadSignature):
        callback.open_push(SAFE, query | {"msg_signature": query["signature"]}, body)


def test_a_plain_push_needs_a_signature():
    with pytest.raises(BadSignature):
        callback.open_push(PLAIN, signed() | {"signature": "0" * 40}, RECEIPT.encode())
    with pytest.raises(BadSignature):
        callback.open_push(PLAIN, {}, RECEIPT.encode())


def test_the_previous_key_still_opens():
    query, body = sealed(RECEIPT, aes_key=AES_KEY)
    keys = CallbackKeys(TOKEN, APPID, (OTHER_KEY, AES_KEY), "safe")
    assert callback.open_push(keys, query, body).status == "failed: system failed"


@pytest.mark.parametrize(
    "keys",
    [
        CallbackKeys(TOKEN, APPID, (OTHER_KEY,), "safe"),
        CallbackKeys(TOKEN, APPID, ("short",), "safe"),
        CallbackKeys(TOKEN, APPID, (), "safe"),
        CallbackKeys(TOKEN, "wx0000000000000000", (AES_KEY,), "safe"),
    ],
    ids=["other key", "broken key", "no key", "other account"],
)
def test_a_push_for_somebody_else_is_refused(keys):
    query, body = sealed(RECEIPT)
    with pytest.raises(BadPush):
        callback.open_push(keys, query, body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe<",
        b"{",
        b'{"a":' * 9000,
        b"[1]",
        b"<xml>",
        b"<xml></xml>",
        b"<a>" * 9000,
        b'<?xml version="1.0" encoding="utf-7"?><xml></xml>',
        b'<!DOCTYPE x [<!ENTITY a "b">]><xml><MsgType>&a;</MsgType></xml>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml></xml>',
        b"<xml><MsgType>event</MsgType><CreateTime>soon</CreateTime></xml>",
        b"<xml><MsgType>text</MsgType><CreateTime>1</CreateTime></xml>" + b" " * 65536,
    ],
)
def test_an_unreadable_push_is_refused(body):
    with pytest.raises(BadPush):
        callback.open_push(PLAIN, signed(), body)


@pytest.mark.parametrize(
    "text",
    ["", "===", "加密", "AAAA", "A" * 43, base64.b64encode(b"\0" * 32).decode(), SEALED[:64]],
)
def test_broken_ciphertext_is_refused(text):
    with pytest.raises(BadPush):
        callback.decrypt(AES_KEY, APPID, text)


@given(st.binary(max_size=400))
def test_any_bytes_raise_nothing_but_callback_errors(body):
    for keys, query in ((PLAIN, signed()), (SAFE, SEALED_QUERY), (COMPATIBLE, signed())):
        with pytest.raises(callback.CallbackError):
            callback.open_push(keys, query, body)


@given(st.text(st.characters(codec=None), max_size=50), st.integers(0, 12))
def test_any_ciphertext_raises_nothing_but_callback_errors(text, blocks):
    for sealed_text in (text, base64.b64encode(text.encode("utf-8", "replace") * 16).decode()):
        with pytest.raises(callback.CallbackError):
            callback.decrypt(AES_KEY, APPID, sealed_text[: blocks * 64])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(["MsgType", "CreateTime", "Event", "MsgId", "x"]), JSON))
def test_any_signed_content_gives_a_push_or_a_callback_error(values):
    query, body = sealed(json.dumps(values))
    try:
        push = callback.open_push(SAFE, query, body)
    except callback.CallbackError:
        return
    assert push.msg_type
    assert len(callback.dedupe_key(push)) == 64


@given(st.binary(max_size=300), st.binary(min_size=16, max_size=16))
def test_what_is_encrypted_is_decrypted(message, random):
    assert (
        callback.decrypt(AES_KEY, APPID, callback.encrypt(AES_KEY, APPID, message, random))
        == message
    )


def test_repetitions_share_a_key_and_others_do_not():
    def key(**change):
        fields = {"event": "e", "msg_type": "event", "openid": "o1", "original_id": "gh"}
        fields |= {"created_at": 1, "msgid": "7", "status": "", "fields": {}} | change
        return callback.dedupe_key(callback.Push(**fields))

    assert key() == key(status="success", fields={"a": "b"})
    changed = [{"event": "f"}, {"openid": "o2"}, {"created_at": 2}, {"msgid": "8"}]
    assert len({key(), *(key(**change) for change in changed)}) == 5
    assert key(event="", created_at=1) == key(event="", created_at=2)
    assert key(event="", openid="o1") != key(event="", openid="o2")
    assert len(key()) <= 128


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("success", Outcome.DELIVERED),
        ("Success ", Outcome.DELIVERED),
        ("failed:user block", Outcome.REFUSED_BY_USER),
        ("failed: user block", Outcome.REFUSED_BY_USER),
        ("failed: system failed", Outcome.FAILED),
        ("failed:freq limit", Outcome.FREQUENCY_LIMIT),
        ("FAILED:something new", Outcome.FAILED),
        ("later", Outcome.UNKNOWN),
        ("", Outcome.UNKNOWN),
    ],
)
def test_a_status_has_an_outcome(status, outcome):
    assert callback.outcome_of(status) is outcome


def test_keys_do_not_show_their_secrets():
    assert AES_KEY not in repr(SAFE)
    assert TOKEN not in repr(SAFE)
