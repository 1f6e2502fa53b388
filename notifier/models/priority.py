"""How urgent a message is; with its account it makes the lane."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Priority(models.IntegerChoices):
    """The RQ queue of the same name carries it; a worker empties `urgent` first."""

    URGENT = 0, _("urgent")
    NORMAL = 1, _("normal")
    BULK = 2, _("bulk")

    @property
    def word(self) -> str:
        return self.name.lower()
