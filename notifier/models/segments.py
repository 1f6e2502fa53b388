"""Saved questions about recipients: who fits is found anew each time."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from notifier.models.groups import RecipientGroup, WeChatTag
from notifier.models.recipients import RecipientState
from templates_app.models import OfficialAccount


class Having(models.TextChoices):
    ANY = "", _("with or without")
    YES = "yes", _("with")
    NO = "no", _("without")


class Segment(models.Model):
    """All conditions must hold; an empty one does not count."""

    name = models.CharField(_("name"), max_length=100)
    account = models.ForeignKey(
        OfficialAccount, models.PROTECT, related_name="segments", verbose_name=_("account")
    )
    state = models.CharField(
        _("state"),
        max_length=12,
        choices=RecipientState.choices,
        default=RecipientState.FOLLOWING,
        blank=True,
    )
    group = models.ForeignKey(
        RecipientGroup, models.PROTECT, null=True, blank=True, verbose_name=_("recipient group")
    )
    tag = models.ForeignKey(
        WeChatTag, models.PROTECT, null=True, blank=True, verbose_name=_("WeChat tag")
    )
    followed_from = models.DateField(_("follows since, from"), null=True, blank=True)
    followed_to = models.DateField(_("follows since, to"), null=True, blank=True)
    user_id = models.CharField(
        _("your user id"), max_length=3, choices=Having.choices, blank=True, default=Having.ANY
    )
    email = models.CharField(
        _("e-mail"), max_length=3, choices=Having.choices, blank=True, default=Having.ANY
    )
    phone = models.CharField(
        _("phone"), max_length=3, choices=Having.choices, blank=True, default=Having.ANY
    )

    attribute = models.CharField(
        _("attribute"),
        max_length=64,
        blank=True,
        help_text=_("As your services name it, such as city."),
    )
    attribute_value = models.CharField(
        _("its value"), max_length=300, blank=True, help_text=_("A text, a number, true or false.")
    )

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="segment_once")]

    def __str__(self) -> str:
        return self.name
