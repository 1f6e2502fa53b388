"""What intake refuses, in WeChat's codes."""

import re

from notifier.gateway.answers import ERRMSG, Refusal
from notifier.intake.errors import Fault

CODES: dict[str, int] = {
    "unknown_recipient": 40003,
    "recipient_unfollowed": 43004,
    "recipient_refused": 43101,
    "recipient_refuses_template": 43101,
    "recipient_blacklisted": 43019,
    "recipient_erased": 40003,
    "recipient_sandbox": 40003,
    "not_in_sandbox": 40003,
    "template_not_allowed": 48001,
    "priority_not_allowed": 48001,
    "unknown_template": 40037,
    "not_published": 40037,
    "template_held": 43116,
    "account_inactive": 50002,
    "duplicate": 40241,
    "daily_cap": 43117,
}
"""By the fault's code; a fault of a value is 47003."""
EMPTY = frozenset({"empty", "missing_variable"})
_VALUE = re.compile(r"/data/([^/]+)")


def refusal_of(fault: Fault) -> Refusal:
    """WeChat names one fault, the first."""
    if code := CODES.get(fault.code):
        return Refusal(code, hint=fault.detail)
    key = _VALUE.fullmatch(fault.pointer)
    if key is None:
        return Refusal(40035, hint=fault.detail)
    what = "is empty" if fault.code in EMPTY else "invalid"
    hint = "" if fault.code in EMPTY else fault.detail
    return Refusal(47003, f"{ERRMSG[47003]} data.{key[1]}.value {what}", hint)
