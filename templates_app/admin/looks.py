"""How a version looks and what may go wrong with it: of the stored one, and of what somebody types;
and two versions side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from templates_app.card import sample_card
from templates_app.diff import compare
from templates_app.fields import TYPES, field_type
from templates_app.lint import lint
from templates_app.models import TemplateField, TemplateVersion

TYPED = ("label", "pattern", "overflow", "sample")


def looks(version: TemplateVersion, fields: Sequence[TemplateField]) -> dict[str, Any]:
    labels = {field.key: field.label or field.key for field in fields}
    return {
        "card": sample_card(version, fields),
        "version": version,
        "hints": [
            {
                "label": labels[hint.key],
                "message": gettext(hint.message) % hint.params,
                "fix": gettext(hint.fix) % hint.params,
                "is_error": hint.is_error,
            }
            for hint in lint(fields)
        ],
        "rules": [(labels[field.key], field.key, *_rule(field)) for field in fields],
    }


def typed(version: TemplateVersion, form: Mapping[str, str]) -> list[TemplateField]:
    """The version's fields with what stands in the inputs; nothing is saved."""
    version.title = form.get("title", version.title)
    version.url = form.get("url", version.url)
    rows = {str(field.pk): field for field in version.fields.all()}
    for number in range(len(rows)):
        field = rows.get(form.get(f"fields-{number}-id", ""))
        for name in TYPED if field else ():
            setattr(field, name, form.get(f"fields-{number}-{name}", getattr(field, name)))
    return list(rows.values())


def compare_page(request: HttpRequest, version: TemplateVersion) -> HttpResponse:
    """Beside the one that services send, or the one before it; another can be chosen."""
    others = list(version.template.versions.exclude(pk=version.pk).order_by("-number"))
    chosen = {str(one.pk): one for one in others}.get(request.GET.get("with", ""))
    published = version.template.published
    other = chosen or (published if published in others else others[0])
    before, after = sorted((version, other), key=lambda one: one.number)
    parts = compare(before, after)
    context = {
        **admin.site.each_context(request),
        "title": _("Compare versions"),
        "version": version,
        "other": other,
        "others": others,
        "before": before,
        "after": after,
        "parts": parts,
        "is_same": not any(part.differs for part in parts),
    }
    return render(request, "templates_app/compare.html", context)


def _rule(field: TemplateField) -> tuple[str, str]:
    """(WeChat's type in words, its limit in words)."""
    kind = field_type(field.key)
    if kind is None:
        return gettext("free text"), ""
    if kind == "history":
        return gettext("history field"), gettext("folded after 20 characters")
    limit = TYPES[kind].limit
    words = gettext("at most %(limit)d characters") % {"limit": limit} if limit else ""
    return gettext(TYPES[kind].meaning), words
