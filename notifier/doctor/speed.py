"""How soon does WeChat answer? The last calls, and the phase that took long."""

from collections import Counter
from statistics import median_low

from django.utils.translation import gettext, gettext_noop

from notifier.doctor.patient import FEW, Patient
from notifier.doctor.results import Result, bad, ok, warn
from notifier.models.messages import SLOW_CALL_MS

SOME_SLOW = 2
"""A single one can be slow on any line."""
MANY_SLOW, MOST_SLOW = 0.1, 0.5
"""Of the last calls."""
FIXES: dict[str, str] = {
    "lost": gettext_noop(
        "An address gives no connection: put another before it on the account's page."
    ),
    "token": gettext_noop("The calls waited for an access token: see “Shared token” above."),
    "dns": gettext_noop(
        "Looking up WeChat's name is slow: give this server another resolver, or a cache of its "
        "own."
    ),
    "tcp": gettext_noop(
        "Reaching WeChat's server is slow: ask who runs the network (firewall, NAT, line)."
    ),
    "tls": gettext_noop(
        "The handshake is slow: a proxy on the way, or no processor time left on this server."
    ),
    "wait": gettext_noop(
        "WeChat itself takes that long. Nothing is lost: more calls are in the air at once. If it "
        "stays, put another of WeChat's addresses first on the account's page."
    ),
    "transfer": gettext_noop(
        "The answer is read late: no processor time left on this server, or a slow line (manage.py "
        "wechat_probe measures each step)."
    ),
}
"""By the phase that most of the slow calls spent most time in."""


def speed(patient: Patient) -> Result:
    """Of the calls that WeChat answered; those without an answer stop the account (`breaker`)."""
    calls = patient.calls
    if len(calls) < FEW:
        text = gettext(
            "Fewer than %(few)d answered calls among the newest events: nothing to measure."
        )
        return ok(text % {"few": FEW})
    details = gettext("Half of the last %(count)d calls: within %(ms)d ms.")
    details %= {"count": len(calls), "ms": median_low(one.ms for one in calls)}
    slow = [one.phases for one in calls if one.ms >= SLOW_CALL_MS]
    if len(slow) < max(SOME_SLOW, MANY_SLOW * len(calls)):
        return ok(gettext("WeChat answers promptly."), details)
    text = gettext("%(slow)d of the last %(count)d calls took %(seconds)d seconds or more.")
    text %= {"slow": len(slow), "count": len(calls), "seconds": SLOW_CALL_MS // 1000}
    longest = Counter(max(FIXES, key=lambda name: one.get(name, 0)) for one in slow)
    verdict = bad if len(slow) >= MOST_SLOW * len(calls) else warn
    return verdict(text, gettext(FIXES[longest.most_common(1)[0][0]]), details)
