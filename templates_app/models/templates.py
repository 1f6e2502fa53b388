"""Message templates and their versions. A published version never changes."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from templates_app.content import parse_content
from templates_app.models.accounts import OfficialAccount


class Fallback(models.TextChoices):
    EMAIL = "email", _("e-mail to the person")
    WEBHOOK = "webhook", _("tell the calling service (webhook)")


class MessageTemplate(models.Model):
    """What a calling service names in `template`. It sends its published version."""

    account = models.ForeignKey(
        OfficialAccount, models.PROTECT, related_name="templates", verbose_name=_("account")
    )
    code = models.CharField(
        _("code"),
        max_length=64,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9_.-]*$", _("Use a-z, 0-9, _ . and -."))],
        help_text=_("The name that services send with; it never changes."),
    )
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True)
    published = models.ForeignKey(
        "TemplateVersion",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("published version"),
    )
    held_since = models.DateTimeField(_("held since"), null=True, editable=False)
    held_because = models.CharField(_("held because"), max_length=300, blank=True, editable=False)
    dedup_seconds = models.PositiveIntegerField(
        _("seconds without a double"),
        default=0,
        help_text=_("The same text to the same person within so long is refused; 0: it is not."),
    )
    daily_cap = models.PositiveIntegerField(
        _("most to a person in 24 hours"),
        default=0,
        help_text=_("Of this template; 0: no limit."),
    )
    fallback = models.CharField(
        _("fallback"),
        max_length=8,
        choices=Fallback.choices,
        blank=True,
        help_text=_("Another way to the person when WeChat's is closed."),
    )
    fallback_on_refusal = models.BooleanField(
        _("when it is refused"),
        default=True,
        help_text=_("The person has unfollowed or blocked the account."),
    )
    fallback_on_expiry = models.BooleanField(_("when its time runs out"), default=True)
    fallback_on_outage = models.PositiveIntegerField(
        _("after an outage of so many minutes"),
        default=0,
        help_text=_("The account cannot send: what waits is then sent the other way. 0: it waits."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class TemplateVersion(models.Model):
    """One state of a template: a draft until it is published, then unchangeable."""

    template = models.ForeignKey(
        MessageTemplate, models.CASCADE, related_name="versions", verbose_name=_("template")
    )
    number = models.PositiveIntegerField(_("version"), editable=False)
    wechat_template_id = models.CharField(_("WeChat template id"), max_length=64)
    title = models.CharField(_("title"), max_length=100)
    content = models.TextField(
        _("WeChat's content"),
        help_text=_("As WeChat shows it, a line for each field: 订单号:{{character_string1.DATA}}"),
    )
    url = models.CharField(
        _("link"),
        max_length=1000,
        blank=True,
        help_text=_("Opened by a tap. May hold variables: https://example.com/o/{{ order_no }}"),
    )
    miniprogram_appid = models.CharField(_("mini program AppID"), max_length=32, blank=True)
    miniprogram_pagepath = models.CharField(_("mini program page"), max_length=500, blank=True)
    authors = models.JSONField(_("authors"), default=list, editable=False)
    """User names: everybody who changed the draft."""
    review_asked_at = models.DateTimeField(_("review asked for"), null=True, editable=False)
    review_asked_by = models.CharField(max_length=150, blank=True, editable=False)
    published_at = models.DateTimeField(_("published"), null=True, editable=False)
    published_by = models.CharField(_("published by"), max_length=150, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("template version")
        verbose_name_plural = _("template versions")
        ordering = ["-number"]
        permissions = [("publish_templateversion", _("Can approve and publish versions"))]
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="version_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.template.code} v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            if self._state.adding:
                # Locks the template, so that two new versions get two numbers.
                MessageTemplate.objects.select_for_update().get(pk=self.template_id)
                newest = self.template.versions.aggregate(models.Max("number"))["number__max"]
                self.number = (newest or 0) + 1
            else:
                refuse_if_published(self.pk)
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        refuse_if_published(self.pk)
        return super().delete(*args, **kwargs)

    @property
    def is_published(self) -> bool:
        return self.published_at is not None

    @property
    def is_in_review(self) -> bool:
        return not self.is_published and self.review_asked_at is not None

    def make_fields(self) -> None:
        """Fields as WeChat's content names them: new ones added, vanished ones removed."""
        parsed = parse_content(self.content)
        self.fields.exclude(key__in=[field.key for field in parsed]).delete()
        for position, field in enumerate(parsed):
            self.fields.update_or_create(
                key=field.key,
                defaults={"position": position, "label": field.label},
                create_defaults={
                    "position": position,
                    "label": field.label,
                    "pattern": f"{{{{ {field.key} }}}}",
                },
            )


class Overflow(models.TextChoices):
    REJECT = "reject", _("reject the message")
    SHORTEN = "shorten", _("shorten it with …")


class TemplateField(models.Model):
    """One field of WeChat's template and the pattern that fills it."""

    version = models.ForeignKey(TemplateVersion, models.CASCADE, related_name="fields")
    position = models.PositiveSmallIntegerField(default=0, editable=False)
    key = models.CharField(_("field"), max_length=64)
    label = models.CharField(_("label"), max_length=100, blank=True)
    pattern = models.CharField(
        _("pattern"), max_length=500, help_text=_("Text and variables: 订单{{ order_no }}")
    )
    overflow = models.CharField(
        _("when too long"), max_length=8, choices=Overflow.choices, default=Overflow.REJECT
    )
    sample = models.CharField(_("sample"), max_length=200, blank=True)
    enum_values = models.JSONField(
        _("allowed values"), default=list, blank=True, help_text=_('For const fields: ["a", "b"]')
    )

    class Meta:
        verbose_name = _("field")
        verbose_name_plural = _("fields")
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["version", "key"], name="field_key_once")]

    def __str__(self) -> str:
        return self.key

    def save(self, *args: Any, **kwargs: Any) -> None:
        refuse_if_published(self.version_id)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        refuse_if_published(self.version_id)
        return super().delete(*args, **kwargs)


def refuse_if_published(version_id: int) -> None:
    """Raises ValidationError. Reads the row: the object in hand may be older than it."""
    version = TemplateVersion.objects.filter(pk=version_id, published_at__isnull=False)
    if version.exists():
        raise ValidationError(
            _("A published version cannot be changed. Make a new version instead."),
            code="published",
        )
