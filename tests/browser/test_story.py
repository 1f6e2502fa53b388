"""An operator's first day: from an account's secret to a message on a follower's phone."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.looking import HAN, PATIENCE, Viewer
from tests.simulator.process import SimulatorProcess

pytestmark = pytest.mark.browser

PASSWORD = "a long enough password"
APPID, SECRET, TOKEN, AES_KEY = "wx00000000000000aa", "5" * 32, "callbacktoken", "k" * 43
OPENID, TEMPLATE_ID = "oSTORY".ljust(28, "x"), "T" * 43
CONTENT = "订单号:{{character_string1.DATA}}\n商品:{{thing2.DATA}}\n发货时间:{{time3.DATA}}"
PATTERNS = ["{{ order_no }}", "{{ product }} 已发出", "{{ time }}"]
SAMPLES = ["20261124001", "云南白茶 已发出", "2026-11-24 10:30"]

WORDS = {
    "zh-CN": {
        "log in": "登录",
        "answers": "微信已应答：AppSecret 正确",
        "published": "已发布，调用服务即刻使用。",
        "delivered": "微信回执：已送达",
        "accepted": "微信已接收",
        "in the log": "已送达",
    },
    "en": {
        "log in": "Log in",
        "answers": "WeChat answers. The secret is right",
        "published": "is published. Services send it from now on.",
        "delivered": "WeChat's receipt: delivered",
        "accepted": "WeChat accepted it",
        "in the log": "delivered",
    },
}


@pytest.fixture(
    params=[(language, width) for language in WORDS for width in (1280, 390)],
    ids=lambda one: f"{one[0]}-{one[1]}",
)
def operator(
    request: pytest.FixtureRequest, browser: Browser, site: LiveServer
) -> Iterator[Viewer]:
    User.objects.create_superuser("anna", password=PASSWORD)
    viewer = Viewer(browser, site.url, *request.param)
    yield viewer
    viewer.context.close()


def wechat_knows(simulator: SimulatorProcess, site: str) -> None:
    """What the operator has entered at WeChat: the account, its template, a follower."""
    account = {
        "appid": APPID,
        "secret": SECRET,
        "name": "鸿雁商城",
        "callback_url": f"{site}/wechat/shop/callback",
        "callback_token": TOKEN,
        "encoding_aes_key": AES_KEY,
        "callback_mode": "safe",
        "templates": [{"template_id": TEMPLATE_ID, "title": "订单发货通知", "content": CONTENT}],
        "followers": [{"openid": OPENID, "name": "李雷"}],
    }
    simulator.control("POST", "/accounts", account)


def log_in(operator: Viewer) -> None:
    operator.open("/admin/")
    operator.read(WORDS[operator.language]["log in"])
    operator.look("login")
    operator.fill(username="anna", password=PASSWORD)
    operator.press('button[type="submit"]')
    operator.page.wait_for_url("**/admin/")
    operator.look("start")


def connect_account(operator: Viewer, simulator: SimulatorProcess) -> None:
    operator.open("/admin/templates_app/officialaccount/add/")
    operator.fill(name="鸿雁商城", slug="shop", appid=APPID, app_secret=SECRET)
    operator.page.locator('[name="callback_mode"]').select_option("safe")
    operator.fill(callback_token=TOKEN, encoding_aes_key=AES_KEY)
    address = operator.page.locator('[name="api_base_url"]')
    if not address.is_visible():
        operator.press("details summary, .collapse-toggle")
    address.fill(simulator.url)
    operator.look("account-filled")
    operator.press('[name="_continue"]')
    operator.look("account-saved")
    confirm(operator, "check-connection", "account-check")
    operator.read(WORDS[operator.language]["answers"])
    operator.look("account-checked")


def confirm(operator: Viewer, action: str, name: str) -> None:
    operator.act(action)
    operator.page.locator("#dialog").wait_for(state="visible")
    operator.look(name)
    operator.press('#dialog button[type="submit"]')


def write_template(operator: Viewer) -> None:
    operator.open("/admin/templates_app/messagetemplate/add/")
    operator.page.locator('[name="account"]').select_option(label="鸿雁商城")
    operator.fill(code="order-shipped", name="订单发货通知")
    operator.look("template")
    operator.press('[name="_continue"]')
    confirm(operator, "new-version", "template-new-version")
    operator.page.wait_for_url("**/templateversion/add/**")
    operator.fill(wechat_template_id=TEMPLATE_ID, title="订单发货通知", content=CONTENT)
    operator.look("version-empty")
    operator.press('[name="_save"]')
    for number, (pattern, sample) in enumerate(zip(PATTERNS, SAMPLES, strict=True)):
        row = {f"fields__{number}__pattern": pattern, f"fields__{number}__sample": sample}
        operator.fill(**row)
    operator.look("version-patterns")
    operator.press('[name="_save"]')
    expect(operator.page.locator(".hy-card")).to_contain_text("云南白茶 已发出")
    operator.look("version-preview")
    confirm(operator, "publish", "version-publish")
    operator.read(WORDS[operator.language]["published"])
    operator.look("version-published")


def add_recipient(operator: Viewer) -> None:
    operator.open("/admin/notifier/recipient/add/")
    operator.page.locator('[name="account"]').select_option(label="鸿雁商城")
    operator.fill(openid=OPENID, user_id="u-1001", name="李雷")
    operator.page.locator('[name="is_test"]').set_checked(True)
    operator.look("recipient")
    operator.press('[name="_save"]')
    operator.look("recipients")


def send_test(operator: Viewer) -> None:
    operator.open("/admin/notifier/message/test-send/")
    operator.page.locator("#template").select_option(index=1)
    operator.page.locator('[name="recipient"]').wait_for()
    operator.look("test-empty")
    operator.page.locator('[name="recipient"]').select_option(index=1)
    operator.fill(data__order_no="20261124001")
    operator.fill(data__product="云南白茶" * 6, data__time="2026-11-24 10:30")
    operator.press("form[method=post] .hy-button")
    operator.look("test-refused")
    operator.fill(data__product="云南白茶")
    operator.press("form[method=post] .hy-button")
    operator.page.wait_for_url("**/change/")
    operator.look("message-accepted")


def follow(operator: Viewer) -> None:
    words = WORDS[operator.language]
    for _ in range(60):
        if words["delivered"] in operator.text():
            break
        operator.page.wait_for_timeout(250)
        operator.page.reload()
    operator.read(words["delivered"])
    expect(operator.page.locator(".hy-timeline")).to_contain_text(words["accepted"])
    expect(operator.page.locator(".hy-timeline")).to_contain_text(words["delivered"])
    expect(operator.page.locator(".hy-card")).to_contain_text("云南白茶 已发出")
    operator.look("message-delivered")
    operator.open("/admin/notifier/message/")
    row = operator.page.locator("#result_list tbody tr, #result_list .result").first
    expect(row).to_contain_text("李*", timeout=PATIENCE)
    expect(row).to_contain_text(words["in the log"])
    operator.look("log")


def look_at_phone(operator: Viewer, simulator: SimulatorProcess) -> None:
    operator.page.goto(f"{simulator.url}/")
    operator.page.locator("#search").fill("李雷")
    card = operator.page.locator(".phone:visible .card")
    expect(card).to_contain_text("云南白茶 已发出", timeout=PATIENCE)
    expect(operator.page.locator(".phone:visible .tick")).to_contain_text("success")
    operator.look("phone")


def test_an_operator_connects_an_account_and_sees_a_message_arrive(
    operator: Viewer, simulator: SimulatorProcess, site: LiveServer
) -> None:
    wechat_knows(simulator, site.url)
    log_in(operator)
    if operator.language == "zh-CN":
        assert operator.draws("鸿雁微信模板消息")
        assert HAN.search(operator.text())
    connect_account(operator, simulator)
    write_template(operator)
    add_recipient(operator)
    send_test(operator)
    follow(operator)
    look_at_phone(operator, simulator)
    assert operator.faults == []
