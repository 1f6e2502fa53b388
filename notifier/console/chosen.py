"""What is named on the command line: an account, a template, a client, messages by filters."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from notifier.console.terminal import Exit, Failed
from notifier.models import ApiClient, Campaign, Message, State
from notifier.models.ids import first_id_at
from templates_app.models import MessageTemplate, OfficialAccount

Row = TypeVar("Row", bound=Model)
_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str) -> datetime:
    """An argparse type: 90s, 15m, 2h, 7d ago, or an ISO time (without a zone: ours)."""
    if ago := _AGO.fullmatch(text):
        return timezone.now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise ArgumentTypeError(f"{text!r} is no time: 15m, 2h, 7d or 2026-11-24T10:00")
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def message_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no message id") from None


def add_filters(parser: ArgumentParser) -> None:
    parser.add_argument("--account", help="its short name")
    parser.add_argument("--template", help="its code")
    parser.add_argument("--client", help="an API client's name")
    parser.add_argument("--campaign", type=int, help="its number")
    parser.add_argument("--errcode", type=int)
    parser.add_argument("--since", type=moment, help="accepted since: 15m, 2h, 7d or a time")
    parser.add_argument("--until", type=moment, help="accepted until")


def filtered(options: Mapping[str, Any]) -> QuerySet[Message]:
    """Raises Failed for a name that is nobody's: what is misspelt must not mean everything."""
    rows = Message.objects.all()
    if options["account"]:
        rows = rows.filter(account=account(options["account"]))
    if options["template"]:
        template = _one(MessageTemplate, "template", code=options["template"])
        versions = list(template.versions.values_list("pk", flat=True))
        rows = rows.filter(version__in=versions)
    if options["client"]:
        rows = rows.filter(client=_one(ApiClient, "API client", name=options["client"]))
    if options["campaign"] is not None:
        rows = rows.filter(campaign=_one(Campaign, "campaign", pk=options["campaign"]))
    if options["errcode"] is not None:
        rows = rows.filter(errcode=options["errcode"])
    # Ids are ordered by time: a range of the primary key.
    if options["since"]:
        rows = rows.filter(pk__gte=first_id_at(options["since"]))
    if options["until"]:
        rows = rows.filter(pk__lt=first_id_at(options["until"]))
    return rows


def in_states(states: list[str] | None, default: tuple[State, ...]) -> Q:
    return Q(state__in=states or [one.value for one in default])


def account(slug: str) -> OfficialAccount:
    return _one(OfficialAccount, "account", slug=slug)


def _one(model: type[Row], what: str, **named: Any) -> Row:
    found = model._default_manager.filter(**named).first()
    if found is None:
        (value,) = named.values()
        raise Failed(Exit.USAGE, f"There is no {what} {value!r}.")
    return found
