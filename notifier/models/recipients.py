"""The people messages go to: one OpenID under one account."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from templates_app.models import OfficialAccount


class RecipientState(models.TextChoices):
    FOLLOWING = "following", _("following")
    UNFOLLOWED = "unfollowed", _("unfollowed")
    REFUSED = "refused", _("refuses messages")
    BLACKLISTED = "blacklisted", _("blacklisted")


class Recipient(models.Model):
    """`user_id` is the calling service's own id of the person; services may send to it."""

    account = models.ForeignKey(
        OfficialAccount, models.PROTECT, related_name="recipients", verbose_name=_("account")
    )
    openid = models.CharField("OpenID", max_length=64)
    user_id = models.CharField(
        _("your user id"), max_length=64, blank=True, help_text=_("Your own id of this person.")
    )
    name = models.CharField(_("name"), max_length=100, blank=True)
    email = models.EmailField(
        _("e-mail"), blank=True, help_text=_("For templates whose fallback is e-mail.")
    )
    state = models.CharField(
        _("state"),
        max_length=12,
        choices=RecipientState.choices,
        default=RecipientState.FOLLOWING,
    )
    state_since = models.DateTimeField(
        _("state since"), null=True, editable=False, help_text=_("WeChat's time of the last event")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        constraints = [
            models.UniqueConstraint(fields=["account", "openid"], name="recipient_openid_once"),
            models.UniqueConstraint(
                fields=["account", "user_id"],
                condition=~models.Q(user_id=""),
                name="recipient_user_id_once",
            ),
        ]
        indexes = [models.Index(fields=["user_id"]), models.Index(fields=["openid"])]

    def __str__(self) -> str:
        return self.name or self.user_id or masked_openid(self.openid)


def masked_openid(openid: str) -> str:
    """Enough to tell two people apart, not enough to send to one."""
    return f"{openid[:4]}…{openid[-4:]}" if len(openid) > 8 else "…"
