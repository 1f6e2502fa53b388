"""What tests of campaigns do again and again."""

from datetime import timedelta

from django.utils import timezone

from notifier.campaigns import feed, job, states, watch
from notifier.campaigns.files import files
from notifier.models import Campaign, Message, RecipientGroup
from tests import builders


def a_group(account, count, name="everybody"):
    """Of people who follow."""
    group, _made = RecipientGroup.objects.get_or_create(account=account, name=name)
    people = [builders.make_recipient(account) for _ in range(count)]
    group.recipients.add(*people)
    return group


def make_campaign(template, **values):
    defaults = {
        "name": "双十一",
        "account": template.account,
        "version": template.published,
        "data": builders.DATA,
        "audience": "group",
        "created_by": "writer",
        "canary_percent": 0,
    }
    return Campaign.objects.create(**defaults | values)


def upload(campaign, text):
    files.keep(campaign.pk, [text.encode()])


def checked(campaign):
    states.check(campaign.pk, "writer")
    job.check_audience(campaign.pk)
    campaign.refresh_from_db()
    return campaign


def launched(campaign):
    """Checked, and begun by the clock."""
    assert checked(campaign).state == "checked", campaign.reason
    states.launch(campaign.pk, "writer")
    tick(campaign)
    return campaign


def tick(campaign, later=None):
    """One second of the clock, and the job that it wakes."""
    watch._not_before.clear()
    watch.watch_all()
    feed.feed(campaign.pk, campaign.priority)
    campaign.refresh_from_db()
    return campaign


def messages(campaign):
    return Message.objects.filter(campaign=campaign).order_by("pk")


def ended(campaign, state="delivered", **values):
    """Its messages that wait fared so."""
    messages(campaign).filter(state="queued").update(state=state, **values)


def ago(**span):
    return timezone.now() - timedelta(**span)
