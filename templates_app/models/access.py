"""Who is limited to some of the accounts."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from templates_app.models.accounts import OfficialAccount


class AccountAccess(models.Model):
    """The row is the limit: who has none sees every account, and one without accounts none. So an
    account that goes takes nobody's limit with it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="account_access",
        verbose_name=_("user"),
    )
    accounts = models.ManyToManyField(OfficialAccount, blank=True, verbose_name=_("accounts"))

    class Meta:
        verbose_name = _("account access")
        verbose_name_plural = _("account access")

    def __str__(self) -> str:
        return str(self.user)
