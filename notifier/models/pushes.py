"""WeChat's pushes as they came in: kept first, worked on afterwards."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from templates_app.models import OfficialAccount


class Push(models.Model):
    """One event of WeChat's; a repetition has the same key and is not kept twice."""

    account = models.ForeignKey(OfficialAccount, models.CASCADE, verbose_name=_("account"))
    key = models.CharField(max_length=128)
    event = models.CharField(_("event"), max_length=64)
    openid = models.CharField("OpenID", max_length=64)
    msgid = models.CharField(_("WeChat's msgid"), max_length=20, blank=True)
    status = models.CharField(_("status"), max_length=64, blank=True)
    happened_at = models.DateTimeField(_("WeChat's time"))
    received_at = models.DateTimeField(_("received"))
    due_at = models.DateTimeField(null=True)
    """When to (re)try it; empty when it is done."""
    outcome = models.CharField(_("outcome"), max_length=20, blank=True)
    traceparent = models.CharField(max_length=55, blank=True, default="", db_default="")
    """Of WeChat's request, if its trace is kept; what the push does is in its message's own."""

    class Meta:
        verbose_name = _("WeChat push")
        verbose_name_plural = _("WeChat pushes")
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="push_once")]
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(due_at__isnull=False), name="push_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.msgid}"
