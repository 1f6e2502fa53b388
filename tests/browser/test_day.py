"""A day's work in the admin: what WeChat changed, a template by two people, a file with mistakes, a
message that failed, and the trail of all that. A chapter is a function; the next begins where it
ends."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from notifier.models import Campaign, Message, Recipient, RecipientGroup
from templates_app.models import OfficialAccount
from tests import builders
from tests.access.conftest import PASSWORD, make_user, next_code, with_factor
from tests.browser.day_words import WORDS
from tests.browser.looking import PATIENCE, Viewer
from tests.browser.test_story import confirm
from tests.chaos.processes import running, until
from tests.conftest import Platform
from tests.simulator.process import SimulatorProcess

pytestmark = pytest.mark.browser

NEW_TEMPLATE = "N" * 43
CONTENT = "单号:{{character_string1.DATA}}\n商品:{{thing2.DATA}}\n时间:{{time3.DATA}}"
SAMPLES = "单号:R-20261124\n商品:云南白茶\n时间:2026-11-24 10:30"
PEOPLE = """openid,user_id,姓名,邮箱,分组
oGOOD1xxxxxxxxxxxxxxxxxxxxxx,u-2001,韩梅梅,hmm@example.com,会员
oGOOD2xxxxxxxxxxxxxxxxxxxxxx,u-2002,欧阳娜娜,not-an-address,会员
,u-2003,诸葛亮,zgl@example.com,员工
"""


@dataclass
class Day:
    """Li Ming, who does the work; Wang Fang, who looks at what he wrote; and their platform."""

    li: Viewer
    wang: Viewer
    people: dict[str, User]
    platform: Platform
    folder: Path

    @property
    def words(self) -> dict[str, str]:
        return WORDS[self.li.language]


@pytest.fixture(params=[("zh-CN", 1440), ("en", 390)], ids=lambda one: f"{one[0]}-{one[1]}")
def day(
    request: pytest.FixtureRequest,
    browser: Browser,
    live_server: LiveServer,
    simulator: SimulatorProcess,
    settings: Any,
    tmp_path: Path,
) -> Iterator[Day]:
    settings.SECOND_FACTOR_ROLES = ["administrator"]
    simulator.control("POST", "/receipts", {"median_ms": 50, "sigma": 0})
    platform = Platform(simulator, live_server.url, "safe")
    settings.TEMPLATE_REVIEW = True  # from here on: the platform's template has come without
    version = platform.template.published
    assert version is not None
    known = {"template_id": version.wechat_template_id, "title": version.title}
    new = {"template_id": NEW_TEMPLATE, "title": "退款到账通知", "content": CONTENT}
    platform.configure(
        callback_url=f"{live_server.url}/wechat/{platform.account.slug}/callback",
        templates=[known | {"content": version.content}, new | {"example": SAMPLES}],
    )
    people = {name: make_user("administrator") for name in ("li", "wang")}
    with running("worker", "worker background", "clock", log=tmp_path / "processes.log"):
        li, wang = (Viewer(browser, live_server.url, *request.param) for _ in people)
        yield Day(li, wang, people, platform, tmp_path)
        for viewer in (li, wang):
            viewer.context.close()


def log_in_with_a_second_factor(day: Day) -> None:
    for viewer, user in ((day.li, day.people["li"]), (day.wang, day.people["wang"])):
        with_factor(user)
        viewer.open("/admin/login/")
        viewer.fill(username=user.username, password=PASSWORD)
        viewer.press('button[type="submit"]')
        viewer.page.wait_for_url("**/admin/second-factor/**")
        viewer.fill(code=next_code(user))
        viewer.press("button.hy-button")
        viewer.page.wait_for_url("**/admin/")
    day.li.look("day-overview")


def sync_templates(day: Day) -> None:
    li = day.li
    li.open(f"/admin/templates_app/officialaccount/{day.platform.account.pk}/change/")
    confirm(li, "sync-templates", "day-sync")
    li.page.wait_for_url("**/listedtemplate/**")
    li.read(day.words["synced"])
    li.look("day-synced")
    li.page.locator("#result_list").get_by_text("退款到账通知").first.click()
    li.act("make-template")
    li.page.locator("#dialog").wait_for(state="visible")
    li.fill(code="refund-arrived")
    li.look("day-make-template")
    li.press('#dialog button[type="submit"]')
    li.page.wait_for_url("**/templateversion/*/change/**")


def edit_with_live_hints(day: Day) -> None:
    """The card follows what is typed, before anything is saved."""
    li = day.li
    card, hints = li.page.locator(".hy-card"), li.page.locator(".hy-hints")
    li.fill(fields__0__pattern="{{ refund_no }}", fields__1__pattern="{{ product }} 已退款")
    li.fill(fields__2__pattern="{{ at }}", fields__1__sample="云南白茶" * 6)
    expect(hints.locator(".hy-problem")).to_contain_text(day.words["too long"], timeout=PATIENCE)
    li.look("day-hints")
    li.fill(fields__1__sample="云南白茶 已退款")
    expect(hints.locator(".hy-problem")).to_have_count(0, timeout=PATIENCE)
    expect(card).to_contain_text("云南白茶 已退款")
    li.press('[name="_save"]')
    li.page.wait_for_load_state("networkidle")


def approve_by_another(day: Day) -> None:
    li, wang = day.li, day.wang
    confirm(li, "ask-for-review", "day-review")
    li.read(day.words["waits"])
    confirm(li, "publish", "day-publish-own")
    li.read(day.words["own"])
    li.look("day-refused")
    wang.open(li.page.url.removeprefix(wang.address).partition("?")[0])
    wang.look("day-to-approve")
    confirm(wang, "publish", "day-approve")
    wang.read(day.words["published"])


def import_a_file_with_mistakes(day: Day) -> None:
    li = day.li
    upload(day, "people.csv", PEOPLE)
    li.read(day.words["wrong"])
    li.look("day-import-errors")
    with li.page.expect_download() as download:
        li.press('a[href$="/errors/"]')
    wrong = list(csv.DictReader(download.value.path().read_text("utf-8-sig").splitlines()))
    assert [row["row"] for row in wrong] == ["3", "4"]
    wrong[0]["邮箱"], wrong[1]["openid"] = "oynn@example.com", "oGOOD3".ljust(28, "x")
    li.press('form[action$="/confirm/"] button')
    li.read(day.words["done"])
    assert Recipient.objects.filter(groups__name="会员").count() == 1
    corrected = day.folder / "corrected.csv"
    with corrected.open("w", newline="") as file:
        writer = csv.DictWriter(file, wrong[0])
        writer.writeheader()
        writer.writerows(wrong)
    upload(day, corrected.name, corrected.read_text())
    expect(li.page.locator(".hy-figures dd").first).to_have_text(day.words["new"])
    li.look("day-import-corrected")
    li.press('form[action$="/confirm/"] button')
    li.read(day.words["done"])
    assert sorted(Recipient.objects.filter(user_id__startswith="u-200").values_list("user_id")) == [
        ("u-2001",),
        ("u-2002",),
        ("u-2003",),
    ]


def upload(day: Day, name: str, content: str) -> None:
    li = day.li
    li.open("/admin/notifier/recipientimport/add/")
    file = {"name": name, "mimeType": "text/csv", "buffer": content.encode()}
    li.page.locator('input[type="file"]').set_input_files(file)  # type: ignore[arg-type]
    li.press(".hy-button")
    li.page.wait_for_url("**/recipientimport/*/change/")
    li.page.locator('form[action$="/confirm/"]').wait_for(timeout=2 * PATIENCE)


def run_a_campaign(day: Day) -> None:
    """Checked, handed in, refused to approve one's own, approved by another; a trial, a pause, and
    to its end."""
    li, wang, platform = day.li, day.wang, day.platform
    OfficialAccount.objects.filter(pk=platform.account.pk).update(campaign_approval_from=20)
    group = RecipientGroup.objects.create(account=platform.account, name="春节客户")
    group.recipients.add(*[platform.recipient() for _ in range(24)])
    li.open(f"/admin/notifier/campaign/add/?template={platform.template.pk}")
    li.fill(name="春节发货提醒", value_0="A-1", value_1="云南白茶", value_2="2026-11-24 10:00")
    li.choose("audience", day.words["group"])
    li.choose("group", "春节客户")
    li.fill(pace="4", canary_percent="40")
    li.look("day-campaign-form")
    li.press('[name="_check"]')
    decide(li, "launch", "day-campaign-launch")
    decide(li, "approve", "day-campaign-own")
    li.read(day.words["own campaign"])
    wang.open(li.page.url.removeprefix(li.address).partition("?")[0])
    wang.look("day-campaign-to-approve")
    decide(wang, "approve", "day-campaign-approve")
    campaign = Campaign.objects.get(name="春节发货提醒")
    until(lambda: state(campaign) == "canary")
    wang.look("day-campaign-trial")
    until(lambda: state(campaign) == "running")
    wang.press('form[action$="/do/pause/"] button')
    wang.page.locator('a[href$="/do/resume/"]').wait_for()
    held = len(platform.received())
    wang.look("day-campaign-paused")
    assert held < 24
    decide(wang, "resume", "day-campaign-resume")
    until(lambda: state(campaign) == "done")
    wang.read(day.words["campaign done"])
    expect(wang.page.locator(".hy-figures dd").first).to_have_text("24", timeout=PATIENCE)
    wang.look("day-campaign-done")


def decide(viewer: Viewer, button: str, name: str) -> None:
    """Its page says in numbers what will happen."""
    viewer.page.locator(f'a[href$="/do/{button}/"]').wait_for(timeout=2 * PATIENCE)
    viewer.press(f'a[href$="/do/{button}/"]')
    viewer.page.wait_for_url(f"**/do/{button}/")
    viewer.look(name)
    viewer.press("form.hy-buttons .hy-button")
    viewer.page.wait_for_url("**/campaign/*/change/")


def state(campaign: Campaign) -> str:
    return Campaign.objects.get(pk=campaign.pk).state


def repair_a_failed_message(day: Day) -> None:
    """WeChat refuses it once. It is found by the person's id, and sent as new after a page that
    says what will happen."""
    li = day.li
    day.platform.simulator.control("POST", "/faults", {"errcode": 47003, "times": 1})
    person = day.platform.recipient("oSIM-ok".ljust(28, "_"), user_id="u-3001", name="李雷")
    failed = builders.make_message(day.platform.template, person)
    until(lambda: Message.objects.get(pk=failed.pk).state == "failed")
    li.open("/admin/notifier/message/")
    li.page.locator("#searchbar").fill("u-3001")
    li.page.keyboard.press("Enter")
    li.page.wait_for_url("**q=u-3001**")
    li.look("day-search")
    li.press("#result_list th a, #result_list .field-accepted a")
    li.read(day.words["failed"])
    li.look("day-failed")
    li.press('[value="resend_messages"]')
    li.look("day-repair")
    li.press("form.hy-repair .hy-button")
    li.page.wait_for_load_state("networkidle")
    until(lambda: Message.objects.filter(recipient=person, state="delivered").exists())
    new = Message.objects.get(recipient=person, state="delivered")
    li.open(f"/admin/notifier/message/{new.pk}/change/")
    li.read(day.words["delivered"])
    li.look("day-repaired")


def export_the_trail(day: Day) -> None:
    li = day.li
    li.open("/admin/notifier/auditentry/")
    li.look("day-audit")
    with li.page.expect_download() as download:
        li.press('a[href*="/export/jsonl/"]')
    told = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    names = {day.people["li"].username, day.people["wang"].username}
    done = {row["action"] for row in told if row["actor"] in names}
    assert done >= {"second_factor", "sync", "ask_for_review", "publish", "import", "repair"}


CHAPTERS = (
    log_in_with_a_second_factor,
    sync_templates,
    edit_with_live_hints,
    approve_by_another,
    import_a_file_with_mistakes,
    run_a_campaign,
    repair_a_failed_message,
    export_the_trail,
)


def test_a_days_work(day: Day) -> None:
    for chapter in CHAPTERS:
        chapter(day)
    assert day.li.faults + day.wang.faults == []
