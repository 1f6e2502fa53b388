"""How often somebody has failed to log in of late. No names and no addresses: their digests."""

from django.db import models


class LoginFailures(models.Model):
    """Moved by `notifier/access/throttle.py`, which says what the key is made of."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(db_index=True)
