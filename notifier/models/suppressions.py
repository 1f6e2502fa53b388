"""Who refuses which template: WeChat's 43101 speaks of one template and one person."""

from datetime import datetime

from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from notifier.models.recipients import Recipient
from templates_app.models import MessageTemplate


class SuppressionQuerySet(QuerySet["Suppression"]):
    def in_force(self, now: datetime) -> "SuppressionQuerySet":
        return self.filter(Q(until=None) | Q(until__gt=now))


class Suppression(models.Model):
    """Sends of the template to the recipient are refused at intake while the row is in force."""

    recipient = models.ForeignKey(
        Recipient, models.CASCADE, related_name="suppressions", verbose_name=_("recipient")
    )
    template = models.ForeignKey(
        MessageTemplate, models.CASCADE, related_name="+", verbose_name=_("template")
    )
    errcode = models.IntegerField("errcode", null=True)
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(
        _("until"),
        null=True,
        blank=True,
        help_text=_("Afterwards it is sent again. Empty: until the person follows again."),
    )

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        ordering = ["-since"]
        constraints = [
            models.UniqueConstraint(fields=["recipient", "template"], name="suppression_once")
        ]

    def __str__(self) -> str:
        return f"{self.recipient} · {self.template}"
