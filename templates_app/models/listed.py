"""WeChat's own list of an account's templates, as it was at the last sync."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from templates_app.models.accounts import OfficialAccount


class ListedTemplate(models.Model):
    """One template of get_all_private_template. A row stays when WeChat lists it no more."""

    account = models.ForeignKey(
        OfficialAccount,
        models.CASCADE,
        related_name="listed_templates",
        verbose_name=_("account"),
    )
    wechat_template_id = models.CharField(_("WeChat template id"), max_length=64)
    title = models.CharField(_("title"), max_length=100)
    content = models.TextField(_("WeChat's content"))
    example = models.TextField(_("WeChat's example"), blank=True)
    seen_at = models.DateTimeField(_("seen"))
    gone_since = models.DateTimeField(_("gone since"), null=True)

    class Meta:
        verbose_name = _("template at WeChat")
        verbose_name_plural = _("templates at WeChat")
        ordering = ["title"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "wechat_template_id"], name="listed_template_once"
            )
        ]

    def __str__(self) -> str:
        return self.title
