"""Notifier: TO WHOM, HOW and WITH WHAT RESULT."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class NotifierConfig(AppConfig):
    name = "notifier"
    verbose_name = _("Messages")

    def ready(self) -> None:
        from notifier import checks  # noqa: F401 - registers the system checks
        from notifier.access import accounts, door, roles
        from notifier.audit import capture, events
        from notifier.dispatch import mended
        from notifier.observability import calls, logs

        logs.install()
        calls.connect()
        accounts.fill()
        capture.install()
        events.connect()
        door.connect()
        mended.connect()
        # This app's permissions, and those of all apps before it, are there by then.
        post_migrate.connect(roles.keep, sender=self, dispatch_uid="roles")
