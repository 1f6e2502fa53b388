"""New versions from old ones."""

from django.db import transaction

from templates_app.models import MessageTemplate, TemplateField, TemplateVersion

# What a version says, and each of its fields.
PARTS = (
    "wechat_template_id",
    "title",
    "content",
    "url",
    "miniprogram_appid",
    "miniprogram_pagepath",
)
FIELD_PARTS = ("label", "pattern", "overflow", "sample", "enum_values")
_FIELD_NAMED = ("position", "key")


@transaction.atomic
def copy_newest(template: MessageTemplate) -> TemplateVersion | None:
    """A draft like the newest version: the newest itself if it is a draft; None without any."""
    newest = template.versions.order_by("-number").first()
    if newest is None or not newest.is_published:
        return newest
    version = TemplateVersion.objects.create(
        template=template, **{name: getattr(newest, name) for name in PARTS}
    )
    TemplateField.objects.bulk_create(
        TemplateField(
            version=version,
            **{name: getattr(field, name) for name in (*_FIELD_NAMED, *FIELD_PARTS)},
        )
        for field in newest.fields.all()
    )
    return version
