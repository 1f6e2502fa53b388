"""What a check says, in the language that is active: what it found, and what to do."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext

from notifier.wechat.errors import ErrCode, Refused


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    SKIPPED = "skipped"
    """It could not be looked at; another check says why."""


@dataclass(frozen=True, slots=True)
class Result:
    """`details`: lines below the finding. Never a secret, a token or a full OpenID."""

    verdict: Verdict
    finding: str
    fix: str = ""
    details: tuple[str, ...] = ()


def ok(finding: str, *details: str) -> Result:
    return Result(Verdict.OK, finding, details=details)


def warn(finding: str, fix: str, *details: str) -> Result:
    return Result(Verdict.WARN, finding, fix, details)


def bad(finding: str, fix: str, *details: str) -> Result:
    return Result(Verdict.BAD, finding, fix, details)


def skipped(finding: str) -> Result:
    return Result(Verdict.SKIPPED, finding)


def refused(error: Refused, known: ErrCode) -> Result:
    """`known`: what the errcode means on the call that got it."""
    return bad(_said(error, known), gettext(known.fix))


def doubtful(error: Refused, known: ErrCode) -> Result:
    return warn(_said(error, known), gettext(known.fix))


def _said(error: Refused, known: ErrCode) -> str:
    said = {"code": error.errcode, "meaning": gettext(known.meaning)}
    return gettext("errcode %(code)d: %(meaning)s") % said
