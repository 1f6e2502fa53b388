"""Who sends a template: named where a change at WeChat concerns them."""

from typing import Any

from django.dispatch import receiver

from notifier.models import Message
from templates_app.models import MessageTemplate
from templates_app.signals import who_sends

LOOKED_AT = 2000
"""Its newest messages: a service that sends it is among their senders."""


@receiver(who_sends, sender=MessageTemplate)
def services(template: MessageTemplate, **_kwargs: Any) -> list[str]:
    versions = list(template.versions.values_list("pk", flat=True))
    newest = Message.objects.filter(version__in=versions).order_by("-id")
    rows = newest.values_list("client__name", "requested_by")[:LOOKED_AT]
    return sorted({client or person for client, person in rows if client or person})
