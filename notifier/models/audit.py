"""The audit trail: who changed what, when. Rows are only ever added."""

from django.db import models
from django.utils.translation import gettext_lazy as _

FIRST = "0" * 64
"""What the very first row follows."""


class ActorKind(models.TextChoices):
    USER = "user", _("user")
    CLIENT = "client", _("API client")
    COMMAND = "command", _("command")
    SYSTEM = "system", _("Hongyan itself")
    ANONYMOUS = "anonymous", _("not logged in")


class Action(models.TextChoices):
    """No choices of the field: a new one needs no migration."""

    ADD = "add", _("Added")
    CHANGE = "change", _("Changed")
    DELETE = "delete", _("Deleted")
    ASK_FOR_REVIEW = "ask_for_review", _("Asked for review")
    PUBLISH = "publish", _("Published")
    HOLD = "hold", _("Held")
    RELEASE = "release", _("Released")
    REVOKE = "revoke", _("Revoked")
    TRY_NOW = "try_now", _("Tried an account now")
    CHECK_CONNECTION = "check_connection", _("Checked the connection")
    EXAMINE = "examine", _("Examined an account")
    PROFILE = "profile", _("Asked for a profile")
    REVEAL = "reveal", _("Looked at personal data")
    ERASE = "erase", _("Erased a person's data")
    IMPORT = "import", _("Imported recipients")
    REPAIR = "repair", _("Repaired messages")
    REPLAY = "replay", _("Sent webhooks again")
    SYNC = "sync", _("Synced templates")
    SEND = "send", _("Sent a message")
    TEST_SEND = "test_send", _("Sent a test")
    ROTATE = "rotate", _("Encrypted anew")
    EXPORT = "export", _("Exported")
    LOGIN = "login", _("Logged in")
    LOGIN_FAILED = "login_failed", _("Login failed")
    LOGOUT = "logout", _("Logged out")
    LOCKED_OUT = "locked_out", _("Has to wait after failed attempts")
    SECOND_FACTOR = "second_factor", _("Gave the second factor")
    SECOND_FACTOR_FAILED = "second_factor_failed", _("Second factor failed")
    ENROL = "enrol", _("Set up a second factor")
    RECOVERY_CODES = "recovery_codes", _("Made new recovery codes")
    REMOVE_FACTOR = "remove_factor", _("Removed a second factor")


class AuditEntry(models.Model):
    """Triggers refuse UPDATE and DELETE (`notifier/audit/append_only.py`): a migration that alters
    this table must make them again. `before` and `after` are text and not JSON, so that the hash is
    of the very bytes that are stored."""

    day = models.DateField(_("day"))
    number = models.PositiveIntegerField(_("number in the day"))
    at = models.DateTimeField(_("time"))
    actor_kind = models.CharField(_("kind"), max_length=12)
    actor = models.CharField(_("who"), max_length=200)
    address = models.CharField(_("address"), max_length=45, blank=True)
    request_id = models.CharField(_("request id"), max_length=64, blank=True)
    action = models.CharField(_("action"), max_length=20)
    object_type = models.CharField(_("kind of object"), max_length=100, blank=True)
    object_id = models.CharField(_("object's id"), max_length=64, blank=True)
    object_name = models.CharField(_("object"), max_length=200, blank=True)
    before = models.TextField(_("before"), default="{}")
    after = models.TextField(_("after"), default="{}")
    previous = models.CharField(_("hash of the row before"), max_length=64)
    hash = models.CharField(_("hash"), max_length=64)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        ordering = ["-day", "-number"]  # the chain's, newest first
        default_permissions = ("view",)
        constraints = [
            # Two writers cannot both follow the same row.
            models.UniqueConstraint(fields=["day", "number"], name="audit_number_once")
        ]
        indexes = [
            models.Index(fields=["actor", "-day", "-number"], name="audit_actor"),
            models.Index(fields=["action", "-day", "-number"], name="audit_action"),
            models.Index(
                fields=["object_type", "object_id", "-day", "-number"], name="audit_object"
            ),
            models.Index(fields=["request_id"], name="audit_request"),
        ]

    def __str__(self) -> str:
        return f"{self.day} #{self.number}"
