"""A database from a backup: what is told of it, and nothing is sent twice from it."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from notifier.audit import append_only
from notifier.fallback.process import process_fallbacks
from notifier.models import CampaignState, FallbackSend, Reason, State
from templates_app.models import Fallback, MessageTemplate
from tests import builders
from tests.campaigns.campaigning import make_campaign

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _user(transactional_db, django_user_model):
    django_user_model.objects.create_user("li")


def told(*arguments):
    """(whether it may be used, what it says)"""
    out = StringIO()
    try:
        call_command("backup_check", *arguments, stdout=out)
    except CommandError:
        return False, out.getvalue()
    return True, out.getvalue()


def test_a_quiet_database_may_be_used():
    builders.set_message(builders.make_message(), state=State.SENT)
    may_be, said = told()
    assert may_be
    assert [line.split(":")[0] for line in said.splitlines()] == [
        "ok  migrations",
        "ok  keys",
        "ok  content",
        "ok  whole",
        "ok  audit trail",
        "ok  age",
        "ok  waiting",
    ]


def test_what_was_due_is_not_sent_again(platform, work):
    waits, held = platform.message(), platform.message()
    later = platform.message(send_at=timezone.now() + HOUR)
    builders.set_message(held, state=State.SENDING, lease_until=timezone.now())
    may_be, said = told()
    assert not may_be
    assert "BAD waiting: 2 messages that were due" in said
    assert told("--park")[0]
    work()
    assert platform.received() == []
    for message in (waits, held):
        message.refresh_from_db()
        assert message.state == State.UNKNOWN
        assert message.events.get(state=State.UNKNOWN).detail == "restored from a backup"
    later.refresh_from_db()
    assert later.state == State.QUEUED


def test_an_empty_or_damaged_one_is_no_backup(platform, django_user_model):
    assert told()[0]
    with connection.cursor() as cursor:
        for statement in append_only.unprotect(connection):
            cursor.execute(statement)
    try:
        assert "BAD audit trail: triggers are missing" in told()[1]
    finally:
        with connection.cursor() as cursor:
            for statement in append_only.protect(connection):
                cursor.execute(statement)
    django_user_model.objects.all().delete()
    assert "BAD content: 1 accounts, 0 users" in told("--park")[1]
    with transaction.atomic():
        MigrationRecorder.Migration.objects.all().delete()
        assert "this is no backup" in told()[1]
        transaction.set_rollback(True)


@pytest.mark.parametrize("reason", [Reason.QUOTA, Reason.TEMPLATE])
def test_what_waits_for_a_person_is_not_sent_again(platform, reason):
    """Somebody may have cleared the quota or let the template go, and it has gone."""
    waits = platform.message()
    midnight = timezone.now() + 8 * HOUR
    builders.set_message(waits, reason=reason, due_at=midnight)
    assert "1 messages that were due" in told()[1]
    assert told("--park")[0]
    waits.refresh_from_db()
    assert waits.state == State.UNKNOWN


def test_an_email_that_was_due_is_not_sent_again(platform, mailoutbox):
    MessageTemplate.objects.update(fallback=Fallback.EMAIL)
    refused, later = (builders.set_message(platform.message(), state="failed") for _ in range(2))
    for message, due_at in ((refused, timezone.now()), (later, timezone.now() + HOUR)):
        FallbackSend.objects.create(
            message=message, cause="refusal", created_at=timezone.now(), due_at=due_at
        )
    may_be, said = told()
    assert not may_be
    assert "1 messages on their template's other way" in said
    assert told("--park")[0]
    process_fallbacks()
    assert mailoutbox == []
    assert "restored from a backup" in FallbackSend.objects.get(message=refused).detail
    assert FallbackSend.objects.get(message=later).due_at is not None


def test_a_campaign_that_stood_says_that_it_may_have_gone_on():
    campaign = make_campaign(builders.make_template(), state=CampaignState.PAUSED)
    may_be, said = told()
    assert not may_be
    assert "1 campaigns that stood" in said
    assert told("--park")[0]
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED
    assert "restored from a backup" in campaign.reason[0]
    assert told()[0]


def test_nothing_is_parked_where_migrations_are_missing():
    """Its tables may not even have the columns."""
    message = builders.make_message()
    latest = MigrationRecorder.Migration.objects.filter(app="notifier").order_by("-id").first()
    latest.delete()
    may_be, said = told("--park")
    latest.save()
    assert not may_be
    assert "BAD migrations: 1 to apply" in said
    message.refresh_from_db()
    assert message.state == State.QUEUED


def test_a_campaign_stands_and_a_recurring_message_is_off(service):
    template = builders.make_template()
    person = builders.make_recipient(template.account)
    campaign = make_campaign(template, state=CampaignState.RUNNING)
    a_schedule = builders.make_schedule(service, template, person)
    may_be, said = told("--park")
    assert may_be
    assert "1 campaigns" in said
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED
    assert "restored from a backup" in campaign.reason[0]
    a_schedule.refresh_from_db()
    assert (a_schedule.is_active, a_schedule.next_at) == (False, None)


def test_keys_of_another_installation_are_named(settings):
    builders.make_account()
    settings.FIELD_ENCRYPTION_KEYS = ["A" * 43 + "="]
    may_be, said = told()
    assert not may_be
    assert "BAD keys: templates_app.OfficialAccount cannot be read" in said
    assert "waiting" not in said


def test_a_database_of_a_newer_hongyan_is_named():
    newer = MigrationRecorder.Migration.objects.create(app="notifier", name="9999_x")
    try:
        may_be, said = told()
    finally:
        newer.delete()  # tests do not empty this table
    assert not may_be
    assert "it comes from a newer Hongyan (9999_x)" in said
