"""The error encyclopaedia."""

import pytest
from django.test import Client
from django.utils import timezone

from notifier.models import ErrcodeNote, Message, MessageCount, State
from notifier.models.counts import ANSWER, Span
from notifier.wechat.errors import known_codes
from templates_app.models import OfficialAccount
from tests import builders
from tests.admin.browsing import html, text
from tests.admin.conftest import StaffMaker

PAGE = "/admin/notifier/message/errcodes/"


def seen(errcode: int, count: int) -> None:
    MessageCount.objects.create(
        span=Span.HOUR,
        begins=timezone.now().replace(minute=0, second=0, microsecond=0),
        account_id=1,
        template_id=1,
        state=ANSWER,
        errcode=errcode,
        shard=0,
        count=count,
    )


def test_every_code_is_there_and_those_that_came_come_first(root: Client) -> None:
    seen(43004, 17)
    seen(99999, 3)  # one that nobody knows
    page = root.get(PAGE)
    codes = [code for code in known_codes() if code]
    assert len(codes) > 90
    assert all(f"/errcodes/{code}/" in html(page) for code in [*codes, 99999])
    said = text(page)
    assert said.index("43004") < said.index("99999") < said.index("40001")


@pytest.mark.parametrize("code", [-1, 43004, 40164, 99999])
def test_a_code_tells_what_to_do_and_who(root: Client, code: int) -> None:
    said = text(root.get(f"{PAGE}{code}/"))
    for part in ("What to do", "Who must act", "What Hongyan does", "Not seen in 30 days"):
        assert part in said


def test_a_search_finds_words_and_notes(root: Client) -> None:
    ErrcodeNote.objects.create(errcode=40164, text="ask Ming for the firewall", changed_by="ann")
    assert "40164" in text(root.get(PAGE, {"q": "MING"}))
    assert "43004" not in text(root.get(PAGE, {"q": "ming"}))


def test_a_note_is_kept_with_its_author(staff: StaffMaker) -> None:
    client = staff("notifier.view_message", "notifier.change_errcodenote")
    client.post(f"{PAGE}40164/", {"text": "ask Ming"})
    note = ErrcodeNote.objects.get()
    assert (note.errcode, note.text, note.changed_by.startswith("staff-")) == (
        40164,
        "ask Ming",
        True,
    )
    assert "ask Ming" in text(client.get(f"{PAGE}40164/"))


def test_who_may_only_look_keeps_no_note(staff: StaffMaker) -> None:
    client = staff("notifier.view_message")
    assert client.post(f"{PAGE}40164/", {"text": "x"}).status_code == 403
    assert not ErrcodeNote.objects.exists()
    assert staff().get(PAGE).status_code == 403


def test_the_timeline_leads_to_the_code(root: Client, account: OfficialAccount) -> None:
    message = builders.make_message(builders.make_template(account))
    message.events.create(at=timezone.now(), state=State.FAILED, errcode=43004, detail="require")
    page = html(root.get(f"/admin/notifier/message/{message.pk}/change/"))
    assert f"{PAGE}43004/" in page


def test_wechat_is_asked_about_a_call(platform, work, root: Client) -> None:  # type: ignore[no-untyped-def]
    platform.simulator.control("POST", "/faults", {"errcode": 47003, "times": 1})
    message: Message = platform.message()
    work()
    message.refresh_from_db()
    assert message.rid
    said = text(root.post(f"/admin/notifier/message/{message.pk}/rid/"))
    assert message.rid in said
    assert "47003" in said
    assert message.openid not in said


def test_a_call_that_wechat_does_not_know(platform, root: Client) -> None:  # type: ignore[no-untyped-def]
    message = builders.set_message(platform.message(), rid="6385c6c1-00000000-00000000")
    said = text(root.post(f"/admin/notifier/message/{message.pk}/rid/", follow=True))
    assert "76001" in said
