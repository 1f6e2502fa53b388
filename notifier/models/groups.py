"""What people are sorted by: groups of our own, and WeChat's tags."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from templates_app.models import OfficialAccount


class RecipientGroup(models.Model):
    """A group of our own: filled by imports and by hand; WeChat knows nothing of it."""

    account = models.ForeignKey(
        OfficialAccount, models.PROTECT, related_name="groups", verbose_name=_("account")
    )
    name = models.CharField(_("name"), max_length=50)

    class Meta:
        verbose_name = _("recipient group")
        verbose_name_plural = _("recipient groups")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="group_once")]

    def __str__(self) -> str:
        return self.name


class WeChatTag(models.Model):
    """A tag (标签) that operators give to followers at WeChat; ours is a copy of the last sync."""

    account = models.ForeignKey(
        OfficialAccount, models.CASCADE, related_name="tags", verbose_name=_("account")
    )
    wechat_id = models.IntegerField(_("WeChat's id"))
    name = models.CharField(_("name"), max_length=64)

    class Meta:
        verbose_name = _("WeChat tag")
        verbose_name_plural = _("WeChat tags")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["account", "wechat_id"], name="tag_once")]

    def __str__(self) -> str:
        return self.name
