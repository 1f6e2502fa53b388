"""Who refuses which template: WeChat's 43101 speaks of one template and one person."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from notifier.models.recipients import Recipient
from templates_app.models import MessageTemplate


class Suppression(models.Model):
    """Sends of the template to the recipient are refused at intake while the row exists."""

    recipient = models.ForeignKey(
        Recipient, models.CASCADE, related_name="suppressions", verbose_name=_("recipient")
    )
    template = models.ForeignKey(
        MessageTemplate, models.CASCADE, related_name="+", verbose_name=_("template")
    )
    errcode = models.IntegerField("errcode", null=True)
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        ordering = ["-since"]
        constraints = [
            models.UniqueConstraint(fields=["recipient", "template"], name="suppression_once")
        ]

    def __str__(self) -> str:
        return f"{self.recipient} · {self.template}"
