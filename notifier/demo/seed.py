"""The demo's rows: an account, two templates, followers for every fate, a service, a login."""

import secrets
import string
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model

from notifier.models import ApiClient, Recipient, RecipientState, Scope
from notifier.simulator.magic import MAGIC
from templates_app.models import MessageTemplate, OfficialAccount, TemplateVersion
from templates_app.publishing import ask_for_review, publish

SLUG, USERNAME, SERVICE = "demo", "admin", "demo-shop"
FOLLOWERS = {"u-1001": "李雷", "u-1002": "韩梅梅"}


@dataclass(frozen=True, slots=True)
class DemoTemplate:
    code: str
    name: str
    content: str
    url: str
    fields: dict[str, tuple[str, str]]
    """key -> (pattern, sample of the whole value)"""


TEMPLATES = (
    DemoTemplate(
        "order-shipped",
        "订单发货通知",
        "订单号:{{character_string1.DATA}}\n商品:{{thing2.DATA}}\n发货时间:{{time3.DATA}}",
        "https://shop.example.com/orders/{{ order_no }}",
        {
            "character_string1": ("{{ order_no }}", "20261124001"),
            "thing2": ("{{ product }}", "云南白茶 500 克"),
            "time3": ("{{ time }}", "2026-11-24 10:30"),
        },
    ),
    DemoTemplate(
        "login-code",
        "登录验证码",
        "验证码:{{character_string1.DATA}}\n用途:{{thing2.DATA}}",
        "",
        {
            "character_string1": ("{{ code }}", "480 213"),
            "thing2": ("登录{{ site }}", "登录鸿雁商城"),
        },
    ),
)


def seed(password: str) -> OfficialAccount:
    """Makes what is missing and leaves the rest as it is; so a second start goes on."""
    user, _ = get_user_model().objects.get_or_create(
        username=USERNAME, defaults={"is_staff": True, "is_superuser": True}
    )
    if not user.check_password(password):
        user.set_password(password)
        user.save()
    account = _account()
    for demo in TEMPLATES:
        _template(account, demo)
    for user_id, name in FOLLOWERS.items():
        _recipient(account, "o" + secrets.token_urlsafe(30)[:27], user_id, name)
    for openid, magic in MAGIC.items():
        _recipient(account, openid, f"sim-{magic.name}", magic.zh)
    return account


def new_api_key(*, is_test: bool = False) -> str:
    client = ApiClient.objects.get_or_create(name=SERVICE)[0]
    return client.make_key(scopes=Scope.values, is_test=is_test)


def _account() -> OfficialAccount:
    letters = string.ascii_letters + string.digits
    return OfficialAccount.objects.get_or_create(
        slug=SLUG,
        defaults={
            "name": "鸿雁演示号",
            "appid": f"wx{secrets.token_hex(8)}",
            "original_id": f"gh_{secrets.token_hex(6)}",
            "app_secret": secrets.token_hex(16),
            "callback_token": secrets.token_hex(8),
            "encoding_aes_key": "".join(secrets.choice(letters) for _ in range(43)),
            "callback_mode": "safe",
        },
    )[0]


def _template(account: OfficialAccount, demo: DemoTemplate) -> None:
    template, made = MessageTemplate.objects.get_or_create(
        code=demo.code, defaults={"account": account, "name": demo.name}
    )
    if not made:
        return
    version = TemplateVersion.objects.create(
        template=template,
        wechat_template_id=secrets.token_urlsafe(33)[:43],
        title=demo.name,
        content=demo.content,
        url=demo.url,
    )
    version.make_fields()
    for key, (pattern, sample) in demo.fields.items():
        version.fields.filter(key=key).update(pattern=pattern, sample=sample)
    ask_for_review(version, by="demo")
    publish(version, by="demo")


def _recipient(account: OfficialAccount, openid: str, user_id: str, name: str) -> None:
    Recipient.objects.get_or_create(
        account=account,
        user_id=user_id,
        defaults={"openid": openid, "name": name, "is_test": True},
    )


def simulator_account(account: OfficialAccount, callback_url: str) -> dict[str, Any]:
    """The same account as the simulated WeChat must know it."""
    versions = TemplateVersion.objects.filter(template__account=account, published_at__isnull=False)
    return {
        "appid": account.appid,
        "secret": account.app_secret,
        "original_id": account.original_id,
        "name": account.name,
        "callback_url": callback_url,
        "callback_token": account.callback_token,
        "encoding_aes_key": account.encoding_aes_key,
        "callback_mode": account.callback_mode,
        "templates": [
            {
                "template_id": version.wechat_template_id,
                "title": version.title,
                "content": version.content,
                "example": "",
                "primary_industry": "",
                "deputy_industry": "",
            }
            for version in versions
        ],
        "lists_magic": True,
        "followers": [
            {"openid": row.openid, "name": row.name}
            for row in Recipient.objects.filter(account=account)
            .exclude(openid__in=MAGIC)
            .exclude(state=RecipientState.ERASED)
        ],
    }
