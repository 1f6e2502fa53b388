"""Personal data as pages show it: enough to tell two people apart, not enough to reach one."""


def masked_openid(openid: str) -> str:
    """oABC…wxyz"""
    return f"{openid[:4]}…{openid[-4:]}" if len(openid) > 8 else "…"


def masked_name(name: str) -> str:
    """李*, 欧**, L***: the first letter, and at most three more as stars."""
    return name[:1] + "*" * min(len(name) - 1, 3) if len(name) > 1 else name and "*"


def masked_email(email: str) -> str:
    """l***@example.com"""
    local, at, domain = email.partition("@")
    return f"{local[:1]}***{at}{domain}" if email else ""


def masked_phone(phone: str) -> str:
    """138****0000, +85****5678"""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) > 7 else phone and "****"
