"""Callback pushes: the signature, the three modes, attempts, and what the settings do."""

import base64
import hashlib
import re
import struct

import defusedxml.ElementTree as ET  # noqa: N817 - its usual name
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from notifier.simulator.envelope import encrypt, sign

from .conftest import FOLLOWER, Callback, Official, Push, until

KEY = "A" * 43
OFFICIAL_CIPHER = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcv"
    "ZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3F"
    "n2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSe"
    "OBrebufAlr7F9mFUPAJGj04="
)


def decrypted(cipher: str) -> tuple[str, str]:
    """The message and the appid, by the test's own reading of section 5.4."""
    key = base64.b64decode(KEY + "=")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = decryptor.update(base64.b64decode(cipher)) + decryptor.finalize()
    plain = plain[: -plain[-1]]
    (length,) = struct.unpack(">I", plain[16:20])
    return plain[20 : 20 + length].decode(), plain[20 + length :].decode()


def expected_signature(push: Push, *more: str) -> str:
    parts = sorted(["AAAAA", push.query["timestamp"], push.query["nonce"], *more])
    return hashlib.sha1("".join(parts).encode(), usedforsecurity=False).hexdigest()


def fields(text: str) -> dict[str, str | None]:
    return {element.tag: element.text for element in ET.fromstring(text)}


@pytest.mark.parametrize(
    ("parts", "signature"),
    [
        (("1714036504", "1514711492"), "f464b24fc39322e44b38aa78f5edd27bd1441696"),
        (("1714037059", "486452656"), "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
        (("1714112445", "415670741"), "6c5c811b55cc85e0e1b54100749188c20beb3f5d"),
        (
            ("1714112445", "415670741", OFFICIAL_CIPHER),
            "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3",
        ),
    ],
)
def test_the_official_signatures(parts: tuple[str, ...], signature: str) -> None:
    assert sign("AAAAA", *parts) == signature


def test_the_official_ciphertexts() -> None:
    message, appid = decrypted(OFFICIAL_CIPHER)
    assert appid == "wxba5fad812f8e6fb9"
    assert encrypt(message, KEY, appid, b"a8eedb185eb2fecf") == OFFICIAL_CIPHER
    assert encrypt('{"demo_resp":"good luck"}', KEY, appid, b"707722b803182950") == (
        "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="
    )


def test_a_plain_receipt(official: Official, callback: Callback) -> None:
    msgid = official.send()["msgid"]
    [push] = callback.wait()
    assert push.query["signature"] == expected_signature(push)
    assert push.query["openid"] == FOLLOWER
    assert "encrypt_type" not in push.query
    found = fields(push.body)
    assert found.pop("CreateTime", "").isdigit()  # type: ignore[union-attr]
    assert found == {
        "ToUserName": "gh_0123456789ab",
        "FromUserName": FOLLOWER,
        "MsgType": "event",
        "Event": "TEMPLATESENDJOBFINISH",
        "MsgID": str(msgid),
        "Status": "success",
    }


def test_a_safe_receipt_shows_only_the_cipher(official: Official, callback: Callback) -> None:
    official.change(encoding_aes_key=KEY, callback_mode="safe")
    msgid = official.send()["msgid"]
    [push] = callback.wait()
    found = fields(push.body)
    assert set(found) == {"ToUserName", "Encrypt"}
    cipher = str(found["Encrypt"])
    assert push.query["encrypt_type"] == "aes"
    assert push.query["msg_signature"] == expected_signature(push, cipher)
    message, appid = decrypted(cipher)
    assert appid == official.appid
    assert fields(message)["MsgID"] == str(msgid)


def test_a_compatible_receipt_shows_both(official: Official, callback: Callback) -> None:
    official.change(encoding_aes_key=KEY, callback_mode="compatible")
    official.send()
    found = fields(callback.wait()[0].body)
    inner = fields(decrypted(str(found.pop("Encrypt")))[0])
    assert inner == found


@pytest.mark.parametrize("bad", [(500, b""), (200, b"fail"), (302, b"success")])
def test_a_bad_answer_brings_the_very_push_again(
    official: Official, callback: Callback, bad: tuple[int, bytes]
) -> None:
    callback.answers = [bad]
    official.simulator.control("POST", "/receipts", {"retry_ms": 1_000})  # into the next second
    official.send()
    first, second = callback.wait(2)
    assert first.body == second.body
    until(lambda: official.counters()["receipts_acknowledged"] == 1)
    assert official.messages()[0]["receipt"] == "success"


def test_three_attempts_and_no_more(official: Official, callback: Callback) -> None:
    callback.answers = [(500, b"")] * 5
    official.send()
    callback.wait(3)
    until(lambda: official.counters()["receipts_pending"] == 0)
    assert len(callback.pushes) == 3
    assert official.counters()["receipts_acknowledged"] == 0


def test_an_empty_answer_acknowledges(official: Official, callback: Callback) -> None:
    callback.answers = [(200, b"")]
    official.send()
    until(lambda: official.counters()["receipts_acknowledged"] == 1)


@pytest.mark.parametrize(("setting", "count"), [({"duplicate": 1}, 2), ({"lose": 1}, 0)])
def test_receipts_can_be_lost_or_doubled(
    official: Official, callback: Callback, setting: dict[str, float], count: int
) -> None:
    official.simulator.control("POST", "/receipts", setting)
    official.send()
    until(lambda: official.counters()["receipts_acknowledged"] == count)
    assert official.counters()["receipts_pending"] == 0


def test_receipts_can_come_in_another_order(official: Official, callback: Callback) -> None:
    official.simulator.control("POST", "/receipts", {"reorder": True})
    sent = [str(official.send()["msgid"]) for _ in range(12)]
    came = [re.findall(r"<MsgID>(\d+)", push.body)[0] for push in callback.wait(12)]
    assert sorted(came) == sent
    assert came != sent


def test_receipts_can_be_switched_off(official: Official, callback: Callback) -> None:
    official.simulator.control("POST", "/receipts", {"enabled": False})
    official.send()
    assert official.counters()["receipts_pending"] == 0
    assert callback.pushes == []


def test_an_unfollow_is_pushed_and_changes_the_next_send(
    official: Official, callback: Callback
) -> None:
    body = {"appid": official.appid, "openid": FOLLOWER, "subscribe": False}
    answer = official.simulator.control("POST", "/follow", body)
    assert answer == {"http_status": 200, "body": "success", "acknowledged": True}
    assert fields(callback.pushes[0].body)["Event"] == "unsubscribe"
    assert official.send()["errcode"] == 43004


def test_any_event_can_be_pushed(official: Official, callback: Callback) -> None:
    event = {"FromUserName": FOLLOWER, "Event": "SCAN", "EventKey": "a]]>b", "Nested": {"N": 1}}
    callback.answers = [(403, b"no")]
    body = {"appid": official.appid, "event": event}
    answer = official.simulator.control("POST", "/push", body)
    assert answer == {"http_status": 403, "body": "no", "acknowledged": False}
    assert fields(callback.pushes[0].body)["EventKey"] == "a]]>b"


@pytest.mark.parametrize("echo", [True, False])
def test_the_callback_address_is_verified(
    official: Official, callback: Callback, echo: bool
) -> None:
    callback.echo = echo
    answer = official.simulator.control("POST", "/verify", {"appid": official.appid})
    assert answer == {"http_status": 200, "verified": echo}
