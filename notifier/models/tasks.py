"""Long tasks that one worker at a time works on."""

from django.db import models


class ClaimedTask(models.Model):
    """What `notifier/recipients/claims.py` needs of a task's row, besides its `state`."""

    claimed_by = models.CharField(max_length=36, blank=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    """Since the last progress."""

    class Meta:
        abstract = True
