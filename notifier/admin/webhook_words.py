"""How an endpoint is doing, and what became of a delivery, in plain words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext

from notifier.models import Message, Outcome, WebhookDelivery, WebhookEndpoint
from notifier.webhooks.problems import in_words
from notifier.webhooks.retry import FAILURES

STATES: dict[str, str] = {"works": "success", "fails": "danger", "off": ""}
COLOURS: dict[str, str] = {
    Outcome.WAITING.value: "info",
    Outcome.DELIVERED.value: "success",
    Outcome.FAILED.value: "danger",
}
SHOWN = 50


def endpoints_for_somebody(_request: HttpRequest) -> int:
    """For the menu: those that fail, or that the machine switched off."""
    failing = Q(is_active=True, failures__gte=FAILURES) | Q(is_active=False, off_because__gt="")
    return WebhookEndpoint.objects.filter(failing).count()


def state_of(endpoint: WebhookEndpoint) -> tuple[str, str]:
    """(a key of STATES, its words)"""
    if not endpoint.is_active:
        return "off", gettext("off")
    if endpoint.failures:
        return "fails", gettext("fails")
    return "works", gettext("works")


def doing(endpoint: WebhookEndpoint) -> list[str]:
    """How it is doing and what to do about it."""
    if not endpoint.is_active:
        because = endpoint.get_off_because_display() or gettext("Somebody switched it off.")
        return [
            because,
            gettext(
                "What waits is kept. Mend the service, switch the endpoint on, then send again "
                "what it missed."
            ),
        ]
    if endpoint.failing_since is None:
        return [gettext("Events are posted as they happen.")]
    told = [
        gettext("It has failed %(count)s times in a row, since %(since)s.")
        % {"count": endpoint.failures, "since": _at(endpoint.failing_since)}
    ]
    if endpoint.paused_until and endpoint.paused_until > timezone.now():
        told.append(gettext("Next attempt: %(at)s.") % {"at": _at(endpoint.paused_until)})
    latest = _latest_failure(endpoint)
    return [*told, *([latest] if latest else [])]


def _latest_failure(endpoint: WebhookEndpoint) -> str:
    recent = WebhookDelivery.objects.filter(endpoint=endpoint, tries__gt=0).order_by("-pk")
    entries = [entry for one in recent[:20] for entry in one.log[-1:] if entry["problem"]]
    latest = max(entries, key=lambda entry: entry["at"], default=None)
    return in_words(latest["problem"], latest.get("status")) if latest else ""


def told(message: Message) -> list[tuple[WebhookDelivery, str]]:
    """What services were told of a message, oldest first, each with the colour of its outcome."""
    own = WebhookDelivery.objects.filter(event__message=message).order_by("pk")
    rows = own.select_related("event", "endpoint__client")[:SHOWN]
    return [(row, COLOURS[row.outcome]) for row in rows]


@dataclass(frozen=True, slots=True)
class Attempt:
    at: datetime | None
    words: str
    took: str
    answer: str
    is_ok: bool


def attempts(delivery: WebhookDelivery) -> list[Attempt]:
    """The newest first."""
    return [_attempt(entry) for entry in reversed(delivery.log)]


def _attempt(entry: dict[str, Any]) -> Attempt:
    problem, status = entry["problem"], entry.get("status")
    taken = gettext("taken")
    words = in_words(problem, status) if problem else f"HTTP {status}: {taken}"
    took = gettext("%(ms)d ms") % {"ms": entry["ms"]} if "ms" in entry else ""
    at = parse_datetime(entry["at"])
    return Attempt(at, words, took, entry.get("answer", ""), not problem)


def last_problem(delivery: WebhookDelivery) -> str:
    if not delivery.log or not delivery.log[-1]["problem"]:
        return ""
    return in_words(delivery.log[-1]["problem"], delivery.log[-1].get("status"))


def what_happens(delivery: WebhookDelivery) -> str:
    if delivery.outcome == Outcome.DELIVERED:
        return gettext("The service has taken it.")
    if delivery.outcome == Outcome.FAILED:
        return gettext("It is not tried any more. Mend the service, then send it again.")
    if not delivery.endpoint.is_active:
        return gettext("It waits: the endpoint is switched off.")
    if delivery.due_at and delivery.due_at > timezone.now():
        return gettext("Next attempt: %(at)s.") % {"at": _at(delivery.due_at)}
    if delivery.endpoint.failures:
        return gettext("It waits for its turn: the endpoint fails, and few are tried.")
    return gettext("It is posted within seconds.")


def _at(moment: datetime) -> str:
    return formats.date_format(timezone.localtime(moment), "m-d H:i:s")
