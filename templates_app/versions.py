"""New versions from old ones."""

from django.db import transaction

from templates_app.models import MessageTemplate, TemplateField, TemplateVersion

_COPIED = (
    "wechat_template_id",
    "title",
    "content",
    "url",
    "miniprogram_appid",
    "miniprogram_pagepath",
)
_COPIED_FIELD = ("position", "key", "label", "pattern", "overflow", "sample", "enum_values")


@transaction.atomic
def copy_newest(template: MessageTemplate) -> TemplateVersion | None:
    """A draft like the newest version: the newest itself if it is a draft; None without any."""
    newest = template.versions.order_by("-number").first()
    if newest is None or not newest.is_published:
        return newest
    version = TemplateVersion.objects.create(
        template=template, **{name: getattr(newest, name) for name in _COPIED}
    )
    TemplateField.objects.bulk_create(
        TemplateField(version=version, **{name: getattr(field, name) for name in _COPIED_FIELD})
        for field in newest.fields.all()
    )
    return version
