"""What operators have learnt about an errcode, beside what Hongyan knows of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ErrcodeNote(models.Model):
    errcode = models.IntegerField("errcode", primary_key=True)
    text = models.TextField(_("note"), blank=True)
    changed_by = models.CharField(_("changed by"), max_length=150)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("note on an errcode")
        verbose_name_plural = _("notes on errcodes")

    def __str__(self) -> str:
        return f"errcode {self.errcode}"
