"""What runs: it has no rows, and is here for its permission."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Process(models.Model):
    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("profile_process", _("Can profile the running processes"))]
        verbose_name = _("process")
        verbose_name_plural = _("processes")
