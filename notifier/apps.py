"""Notifier: TO WHOM, HOW and WITH WHAT RESULT."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotifierConfig(AppConfig):
    name = "notifier"
    verbose_name = _("Messages")

    def ready(self) -> None:
        from notifier import checks  # noqa: F401 - registers the system checks
        from notifier.audit import capture, events
        from notifier.dispatch import mended

        capture.install()
        events.connect()
        mended.connect()
