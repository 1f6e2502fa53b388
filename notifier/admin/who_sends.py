"""Who sends a template: named where a change at WeChat concerns them."""

from typing import Any

from django.dispatch import receiver
from django.utils.translation import gettext

from notifier.models import Campaign, Message
from notifier.models.campaigns import ENDED
from templates_app.models import MessageTemplate
from templates_app.signals import who_sends

LOOKED_AT = 2000
"""Its newest messages: a service that sends it is among their senders."""


@receiver(who_sends, sender=MessageTemplate)
def services(template: MessageTemplate, **_kwargs: Any) -> list[str]:
    """API clients and people by the messages, campaigns by their names."""
    versions = list(template.versions.values_list("pk", flat=True))
    newest = Message.objects.filter(version__in=versions).order_by("-id")
    rows = newest.values_list("client__name", "requested_by")[:LOOKED_AT]
    senders = {client or person for client, person in rows if client or person}
    campaigns = Campaign.objects.filter(version__in=versions).exclude(state__in=ENDED)
    return sorted(senders) + [
        gettext("campaign “%(name)s”") % {"name": name}
        for name in campaigns.order_by("name").values_list("name", flat=True)
    ]
