"""The services that call the API."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class ApiClient(models.Model):
    """One calling service."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("API client")
        verbose_name_plural = _("API clients")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def make_key(self, **values: Any) -> str:
        """Stores a new key's hash and returns the key itself: the only time it can be read.
        `values`: of `ApiKey`."""
        key: str = self.keys.model(client=self, **values).issue()
        return key
