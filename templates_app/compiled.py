"""From a version's rows to its compiled form, kept in the process: published never changes."""

from functools import lru_cache

from templates_app.models import TemplateVersion
from templates_app.rendering import CompiledTemplate, FieldSpec, TemplateSpec, compile_template


def spec_of(version: TemplateVersion) -> TemplateSpec:
    return TemplateSpec(
        wechat_template_id=version.wechat_template_id,
        title=version.title,
        fields=tuple(
            FieldSpec(
                key=field.key,
                label=field.label,
                pattern=field.pattern,
                overflow="shorten" if field.overflow == "shorten" else "reject",
                enum_values=tuple(field.enum_values),
            )
            for field in version.fields.all()
        ),
        url=version.url,
        miniprogram_appid=version.miniprogram_appid,
        miniprogram_pagepath=version.miniprogram_pagepath,
    )


@lru_cache(maxsize=1000)
def published(version_id: int) -> CompiledTemplate:
    """The compiled form of a PUBLISHED version; raises PatternError when a pattern is wrong."""
    return compile_template(spec_of(TemplateVersion.objects.get(pk=version_id)))
