"""The table of checks, and an examination: each of them, in its order, whatever the others say."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext, gettext_noop
from django_redis.exceptions import ConnectionInterrupted
from redis import RedisError

from notifier.doctor import answers, callback, content, entry, sending, speed
from notifier.doctor.patient import Patient
from notifier.doctor.results import Result, Verdict, bad, refused, skipped, warn
from notifier.wechat.errors import Ambiguous, NoToken, NotYet, Refused, Unreachable, lookup
from notifier.wechat.tokens import TokenRefused
from templates_app.admin.reasons import reason_in_words
from templates_app.models import OfficialAccount

CHECKS: dict[str, tuple[str, Callable[[Patient], Result]]] = {
    "addresses": (gettext_noop("Addresses"), entry.addresses),
    "ip_list": (gettext_noop("IP whitelist"), entry.ip_list),
    "secret": (gettext_noop("AppID and AppSecret"), entry.secret),
    "token": (gettext_noop("Shared token"), entry.token),
    "permission": (gettext_noop("Permission"), entry.permission),
    "templates": (gettext_noop("Templates"), content.templates),
    "callback": (gettext_noop("Callback"), callback.callback),
    "pushes": (gettext_noop("Pushes"), callback.pushes),
    "quota": (gettext_noop("Quota"), sending.quota),
    "breaker": (gettext_noop("Sending"), sending.breaker),
    "answers": (gettext_noop("Answers"), answers.answers),
    "speed": (gettext_noop("Speed"), speed.speed),
    "clock": (gettext_noop("Clock"), sending.clock),
}
"""`token` looks at the shared one before a later check has a dead one replaced."""


@dataclass(frozen=True, slots=True)
class Checked:
    name: str
    title: str
    result: Result


@dataclass(frozen=True, slots=True)
class Examination:
    account: OfficialAccount
    at: datetime
    checks: list[Checked]
    pushes: list[callback.Received]

    def named(self, verdict: Verdict) -> list[str]:
        """The checks with this verdict."""
        return [one.name for one in self.checks if one.result.verdict is verdict]

    def summary(self) -> dict[str, str]:
        """For the audit trail: which checks were red or yellow."""
        told = (Verdict.BAD, Verdict.WARN)
        return {one.value: names for one in told if (names := ", ".join(self.named(one)))}


def examine(account: OfficialAccount, now: datetime) -> Examination:
    """Asks WeChat; no transaction may be open. Its texts are in the active language."""
    patient = Patient(account, now)
    checks = [
        Checked(name, gettext(title), _run(check, patient))
        for name, (title, check) in CHECKS.items()
    ]
    return Examination(account, now, checks, callback.latest(account, now))


def _run(check: Callable[[Patient], Result], patient: Patient) -> Result:
    """What no check of its own understands means the same for all of them."""
    try:
        return check(patient)
    except (TokenRefused, NotYet):
        return skipped(gettext("Not asked: there is no token, see the lines above."))
    except Refused as error:
        return refused(error, lookup(error.errcode))
    except (NoToken, RedisError, ConnectionInterrupted):
        fix = gettext("Start Redis again, or mend REDIS_URL.")
        return bad(gettext("Redis does not answer: nothing is sent until it is back."), fix)
    except Unreachable:
        return skipped(gettext("Not asked: WeChat does not answer."))
    except Ambiguous as error:
        text = gettext("No usable answer: %(reason)s.") % {"reason": reason_in_words(str(error))}
        fix = gettext(
            "Try again in a minute. If it stays: a proxy on the way, or WeChat's own state."
        )
        return warn(text, fix)
