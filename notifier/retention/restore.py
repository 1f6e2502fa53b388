"""A database that comes from a backup: can it be used, and what in it may have happened already?

What was waiting in the backup may have been sent between the backup and its restoring. WeChat
remembers a client_msg_id for ten minutes only: sent again, it would be there twice.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import Error, IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop

from notifier.audit import append_only
from notifier.audit.verify import Verification
from notifier.campaigns import states
from notifier.dispatch.moves import move
from notifier.models import (
    Campaign,
    CampaignState,
    FallbackSend,
    Message,
    MessageEvent,
    Reason,
    Recipient,
    Schedule,
    State,
)
from templates_app.encryption import EncryptedTextField
from templates_app.models import OfficialAccount

SLICE = 500
GOING = (CampaignState.CANARY, CampaignState.RUNNING)
NEEDED = ("migrations", "keys", "content")
"""The first findings: while one is bad nothing else can be asked, nor anything parked."""
RESTORED = gettext_noop(
    "The database was restored from a backup: whom it reached since the backup is not known here. "
    "Cancel it, unless it cannot have gone on."
)
PERHAPS_SENT = gettext_noop("The database was restored from a backup: it may have been sent since.")


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    is_good: bool
    text: str


def findings(now: datetime) -> Iterator[Finding]:
    """Each needs the ones before it."""
    for name, look in CHECKS.items():
        try:
            good, text = look(now)
        except Error as error:
            text = f"the database cannot be read ({type(error).__name__}). Is DATABASE_URL right?"
            yield Finding(name, False, text)
            return
        yield Finding(name, good, text)
        if not good and name in NEEDED:
            return


def _migrations(_now: datetime) -> tuple[bool, str]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    unknown = set(executor.loader.applied_migrations) - set(executor.loader.graph.nodes)
    newer = sorted(name for app, name in unknown if app in ("notifier", "templates_app"))
    if newer:
        return False, f"it comes from a newer Hongyan ({newer[-1]}): install that one"
    if not executor.loader.applied_migrations:
        return False, "there is no table: this is no backup. Is DATABASE_URL right?"
    return not missing, f"{len(missing)} to apply: run manage.py migrate" if missing else "all"


def _content(_now: datetime) -> tuple[bool, str]:
    accounts, users = OfficialAccount.objects.count(), get_user_model().objects.count()
    told = f"{accounts} accounts, {users} users, {Recipient.objects.count()} recipients"
    return bool(accounts and users), told if accounts and users else f"{told}: is this the backup?"


def _whole(_now: datetime) -> tuple[bool, str]:
    """SQLite looks for rows that name others which are not there; PostgreSQL has no such rows while
    it knows its constraints to be kept."""
    try:
        connection.check_constraints()
    except IntegrityError as error:
        return False, str(error).splitlines()[0]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT conname FROM pg_constraint WHERE NOT convalidated")
            if loose := [name for (name,) in cursor.fetchall()]:
                return False, f"constraints that are not kept: {', '.join(loose)}"
    return True, "each row that another names is there"


def _keys(_now: datetime) -> tuple[bool, str]:
    """Every encrypted value can be read with FIELD_ENCRYPTION_KEYS."""
    read = 0
    for model in apps.get_models():
        columns = [one.name for one in model._meta.fields if isinstance(one, EncryptedTextField)]
        if not columns:
            continue
        try:
            read += sum(1 for _ in model._default_manager.values_list(*columns).iterator())
        except Exception as error:  # whatever the library says of a wrong key
            name = model._meta.label
            text = f"{name} cannot be read ({type(error).__name__}): FIELD_ENCRYPTION_KEYS lacks"
            return False, f"{text} the key of that time"
    return True, f"{read} rows of secrets can be read"


def _trail(_now: datetime) -> tuple[bool, str]:
    if missing := append_only.missing(connection):
        return False, f"triggers are missing: {', '.join(missing)}; restore the schema, too"
    verification = Verification(None, [])
    problems = sum(1 for _ in verification.problems())
    if problems:
        return False, f"{problems} problems in {verification.rows} rows: see manage.py verify_audit"
    return True, f"{verification.rows} rows, all as they were written"


def _age(_now: datetime) -> tuple[bool, str]:
    newest = MessageEvent.objects.order_by("-pk").values_list("at", flat=True).first()
    return True, f"the last change is of {newest:%Y-%m-%d %H:%M} UTC" if newest else "no message"


def _waiting(now: datetime) -> tuple[bool, str]:
    parts = [
        (_due(now).count(), "messages that were due"),
        (Campaign.objects.filter(state__in=GOING).count(), "campaigns on their way"),
        (_scheduled(now).count(), "campaigns whose time has come"),
        (_stood().count(), "campaigns that stood"),
        (_late(now).count(), "recurring messages that were due"),
        (_other_ways(now).count(), "messages on their template's other way"),
    ]
    found = ", ".join(f"{count} {what}" for count, what in parts if count)
    if not found:
        return True, "nothing that could be sent twice"
    return False, f"{found}: perhaps sent since the backup. Run this with --park before a worker"


CHECKS: dict[str, Callable[[datetime], tuple[bool, str]]] = {
    "migrations": _migrations,
    "keys": _keys,
    "content": _content,
    "whole": _whole,
    "audit trail": _trail,
    "age": _age,
    "waiting": _waiting,
}


def _due(now: datetime) -> QuerySet[Message]:
    """And what waits for its quota or its template: somebody may have let it go since."""
    was_due = Q(due_at__lte=now) | Q(reason__in=(Reason.QUOTA, Reason.TEMPLATE))
    return Message.objects.filter(was_due, state__in=(State.QUEUED, State.SENDING))


def _scheduled(now: datetime) -> QuerySet[Campaign]:
    return Campaign.objects.filter(state=CampaignState.SCHEDULED, send_at__lte=now)


def _stood() -> QuerySet[Campaign]:
    """Somebody may have let them go on since, and they say nothing of it."""
    return Campaign.objects.filter(state=CampaignState.PAUSED).exclude(reason=[RESTORED, {}])


def _other_ways(now: datetime) -> QuerySet[FallbackSend]:
    return FallbackSend.objects.filter(due_at__lte=now)


def _late(now: datetime) -> QuerySet[Schedule]:
    return Schedule.objects.filter(is_active=True, next_at__lte=now)


def park(now: datetime, by: str) -> dict[str, int]:
    """What may have happened already waits for a person: messages become `unknown`, campaigns
    stand, recurring messages are switched off, other ways are not taken. What was not due yet is
    left as it is."""
    counts = {"messages": 0, "campaigns": 0, "recurring messages": 0, "other ways": 0}
    while attempts := _slice(now):
        counts["messages"] += attempts
    for pk in Campaign.objects.filter(state__in=GOING).values_list("pk", flat=True):
        states.pause(pk, RESTORED)
        counts["campaigns"] += 1
    for pk in _scheduled(now).values_list("pk", flat=True):
        states.withdraw(pk, by)
        counts["campaigns"] += 1
    counts["campaigns"] += _stood().update(reason=[RESTORED, {}])
    counts["other ways"] = _other_ways(now).update(due_at=None, detail=PERHAPS_SENT)
    for schedule in _late(now):
        schedule.switch(False, now)
        counts["recurring messages"] += 1
    return counts


def _slice(now: datetime) -> int:
    with transaction.atomic():
        rows = _due(now).order_by("pk").select_for_update(of=("self",))
        attempts: dict[UUID, int] = dict(rows.values_list("pk", "attempts")[:SLICE])
        text = "restored from a backup"
        move(attempts, State.UNKNOWN, now, Reason.NONE, text, claimed_by="", lease_until=None)
    return len(attempts)
