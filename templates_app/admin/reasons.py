"""Why a call to WeChat brought no answer, in the reader's language. The reasons are written by
`notifier/wechat` and kept with the message; WeChat's own words are not among them and stay."""

import re

from django.utils.translation import gettext, gettext_noop

from notifier.wechat.errors import lookup_token_call
from templates_app.sync import CHANGED, GONE

ERRCODE = re.compile(r"^errcode (-?\d+):")
"""How a cause begins that WeChat named."""

# The pattern, and its text: what is in the pattern's brackets takes the place of %(what)s.
_REASONS = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"no usable answer", gettext_noop("no usable answer")),
        (r"no answer in time", gettext_noop("no answer in time")),
        (r"no connection \((.+)\)", gettext_noop("no connection (%(what)s)")),
        (r"the connection broke \((.+)\)", gettext_noop("the connection broke (%(what)s)")),
        (
            r"the server's certificate is not valid",
            gettext_noop("the server's certificate is not valid"),
        ),
        (r"HTTP (\d+)", gettext_noop("HTTP %(what)s")),
        (r"the answer is not HTTP", gettext_noop("the answer is not HTTP")),
        (r"the answer is too long", gettext_noop("the answer is too long")),
        (r"the answer is not WeChat's JSON", gettext_noop("the answer is not WeChat's JSON")),
        (
            r"the answer's errcode is no errcode",
            gettext_noop("the answer's errcode is no errcode"),
        ),
        (r"no time was left for the call", gettext_noop("no time was left for the call")),
        (r"no address is set", gettext_noop("no address is set")),
        (r"internal error: (\w+)", gettext_noop("internal error: %(what)s")),
        (r"no access token \((.+)\)", gettext_noop("no access token (%(what)s)")),
        (
            r"an answer without a usable token",
            gettext_noop("an answer without a usable token"),
        ),
        (GONE, gettext_noop("WeChat lists the template no more")),
        (CHANGED, gettext_noop("WeChat changed the template's fields")),
    )
)


def reason_in_words(reason: str) -> str:
    for pattern, text in _REASONS:
        if found := pattern.fullmatch(reason):
            inner = [reason_in_words(part) for part in found.groups()]
            return gettext(text) % {"what": inner[0]} if inner else gettext(text)
    return reason


def fix_of(cause: str) -> str:
    """What to do about the cause of an account that cannot send."""
    if code := ERRCODE.search(cause):
        return gettext(lookup_token_call(int(code[1])).fix)
    return gettext(
        "WeChat gives no usable answer. Check this server's network, and WeChat's own state."
    )
