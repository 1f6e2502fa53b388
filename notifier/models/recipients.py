"""The people messages go to: one OpenID under one account."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from notifier.models.groups import RecipientGroup, WeChatTag
from notifier.models.masks import masked_name, masked_openid
from templates_app.models import OfficialAccount


class RecipientState(models.TextChoices):
    FOLLOWING = "following", _("following")
    UNFOLLOWED = "unfollowed", _("unfollowed")
    REFUSED = "refused", _("refuses messages")
    BLACKLISTED = "blacklisted", _("blacklisted")
    ERASED = "erased", _("erased")
    """On the person's request: the row stands for the counts of their messages alone."""
    SANDBOX = "sandbox", _("sandbox")
    """Nobody: made for test keys (`notifier/models/sandbox.py`)."""


UNMOVED = (RecipientState.BLACKLISTED, RecipientState.ERASED, RecipientState.SANDBOX)
"""No event and no answer of WeChat's changes these: they were a person's decision, or nobody's."""


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
    phone_hash = models.CharField(max_length=64, blank=True, editable=False)
    """The number itself is kept nowhere (notifier/recipients/phones.py)."""
    phone_shown = models.CharField(_("phone"), max_length=20, blank=True, editable=False)
    unionid = models.CharField(
        "UnionID",
        max_length=64,
        blank=True,
        help_text=_("The same person under all accounts of one Open Platform account."),
    )
    groups = models.ManyToManyField(
        RecipientGroup, blank=True, related_name="recipients", verbose_name=_("recipient groups")
    )
    tags = models.ManyToManyField(
        WeChatTag, editable=False, related_name="recipients", verbose_name=_("WeChat tags")
    )
    attributes = models.JSONField(_("attributes"), default=dict, editable=False)
    """What services keep of the person: name -> text, number or boolean
    (notifier/recipients/attributes.py)."""
    state = models.CharField(
        _("state"),
        max_length=12,
        choices=RecipientState.choices,
        default=RecipientState.FOLLOWING,
    )
    state_since = models.DateTimeField(
        _("state since"), null=True, editable=False, help_text=_("WeChat's time of the last event")
    )
    followed_at = models.DateTimeField(
        _("follows since"), null=True, editable=False, help_text=_("WeChat's subscribe_time")
    )
    is_test = models.BooleanField(
        _("test recipient"),
        default=False,
        help_text=_("Gets the messages of “Send a test”: somebody who expects them."),
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
            models.UniqueConstraint(
                fields=["account", "phone_hash"],
                condition=~models.Q(phone_hash=""),
                name="recipient_phone_once",
            ),
            models.UniqueConstraint(
                fields=["account", "unionid"],
                condition=~models.Q(unionid=""),
                name="recipient_unionid_once",
            ),
        ]
        permissions = [
            ("reveal_recipient", "Can see personal data in full"),
            ("export_recipient", "Can export recipients"),
            ("erase_recipient", "Can erase a person's data"),
        ]
        indexes = [
            models.Index(fields=["user_id"]),
            models.Index(fields=["openid"]),
            models.Index(
                fields=["account"], condition=models.Q(is_test=True), name="recipient_test"
            ),
        ]

    def __str__(self) -> str:
        return masked_name(self.name) or self.user_id or masked_openid(self.openid)
