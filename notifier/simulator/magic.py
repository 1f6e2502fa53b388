"""The followers with a fixed fate that every account has without listing them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Magic:
    """What happens to a message sent to one magic OpenID."""

    name: str
    zh: str
    en: str
    errcode: int = 0
    status: str = "success"
    receipts: int = 1
    early: bool = False
    delay: float = 0.0
    refusals: int = 0
    first: str = ""
    """How the first attempt ends instead: timeout, reset (both accepted) or html (not accepted)."""

    @property
    def openid(self) -> str:
        return f"oSIM-{self.name}".ljust(28, "_")


_ROWS = (
    Magic("ok", "一切正常", "accepted, receipt success"),
    Magic("blocked", "用户拒收", "accepted, then user block", status="failed:user block"),
    Magic("systemfailed", "系统失败", "accepted, then fails", status="failed: system failed"),
    Magic("freqlimit", "频率限制", "accepted, then freq limit", status="failed:freq limit"),
    Magic("unfollowed", "未关注", "43004 require subscribe", errcode=43004),
    Magic("refused", "拒绝接收", "43101 user refuses", errcode=43101),
    Magic("blacklisted", "在黑名单中", "43019 blacklisted", errcode=43019),
    Magic("toofast", "发送过于频繁", "43117 too frequent", errcode=43117),
    Magic("slow", "三秒才应答", "answers after 3 s", delay=3.0),
    Magic("busytwice", "系统繁忙两次", "-1 twice, then accepted", refusals=2),
    Magic("timeout", "收下但不应答", "accepted, first answer never comes", first="timeout"),
    Magic("reset", "收下后断开连接", "accepted, then connection reset once", first="reset"),
    Magic("noreceipt", "没有回执", "accepted, receipt never comes", receipts=0),
    Magic("early", "回执先到", "receipt comes before the answer", early=True),
    Magic("twice", "回执两次", "receipt comes twice", receipts=2),
    Magic("invalid", "无效的 OpenID", "40003 invalid openid", errcode=40003),
    Magic("html", "网关错误页", "HTTP 502 with HTML the first time", first="html"),
)

MAGIC: dict[str, Magic] = {row.openid: row for row in _ROWS}
