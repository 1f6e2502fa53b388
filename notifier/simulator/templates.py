"""The template list of an account: read, add, delete, industry."""

import secrets

from .accounts import Account, Template
from .answers import Answer, Refusal, ok, plain
from .world import Request, World

MOST = 25
LIBRARY: dict[str, tuple[str, dict[str, str]]] = {
    "47123": ("订单发货通知", {"订单号": "character_string", "商品": "thing", "时间": "time"}),
    "43216": (
        "预约成功通知",
        {"预约人": "name", "项目": "thing", "时间": "time", "电话": "phone_number"},
    ),
    "50080": ("缴费成功通知", {"单号": "character_string", "金额": "amount", "时间": "time"}),
}
INDUSTRY = {"first_class": "IT科技", "second_class": "互联网|电子商务"}


def listed(world: World, account: Account, request: Request) -> Answer:
    return plain({"template_list": [row.listed() for row in account.templates.values()]})


def delete(world: World, account: Account, request: Request) -> Answer:
    template_id = request.json().get("template_id")
    if account.templates.pop(str(template_id), None) is None:
        raise Refusal(40037)
    return ok()


def add(world: World, account: Account, request: Request) -> Answer:
    given = request.json()
    short = str(given.get("template_id_short") or "")
    names = given.get("keyword_name_list")
    if not short.isdigit() or short not in LIBRARY:
        raise Refusal(40247 if not short.isdigit() else 40037)
    title, kinds = LIBRARY[short]
    if not isinstance(names, list) or not names or any(name not in kinds for name in names):
        raise Refusal(40246)
    if len(account.templates) >= MOST:
        raise Refusal(45026)
    lines = [f"{name}:{{{{{kinds[name]}{i}.DATA}}}}" for i, name in enumerate(names, 1)]
    made = Template(secrets.token_urlsafe(32), title, "\n".join(lines))
    account.templates[made.template_id] = made
    return ok({"template_id": made.template_id})


def industry(world: World, account: Account, request: Request) -> Answer:
    return plain({"primary_industry": INDUSTRY, "secondary_industry": INDUSTRY})
