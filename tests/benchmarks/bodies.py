"""The message that every benchmark sends: five fields, about 400 bytes."""

import orjson

TEMPLATE = "B" * 43
CONTENT = (
    "订单号:{{character_string1.DATA}}\n商品:{{thing2.DATA}}\n时间:{{time3.DATA}}\n"
    "金额:{{amount4.DATA}}\n备注:{{thing5.DATA}}"
)
DATA = {
    "order_no": "20261124001",
    "product": "云南白茶 500 克",
    "at": "2026-11-24 10:30",
    "price": "¥128.00",
    "note": "请在三日内确认收货",
}
PATTERNS = {
    "character_string1": "{{ order_no }}",
    "thing2": "{{ product }}",
    "time3": "{{ at }}",
    "amount4": "{{ price }}",
    "thing5": "{{ note }}",
}


def openid(number: int) -> str:
    return f"oBENCH{number:022d}"


def body(number: int, message_id: str = "") -> bytes:
    values = dict(zip(PATTERNS, DATA.values(), strict=True))
    return orjson.dumps(
        {
            "touser": openid(number % 1000),
            "template_id": TEMPLATE,
            "data": {key: {"value": value} for key, value in values.items()},
            "client_msg_id": message_id or f"{number:032x}",
        }
    )
