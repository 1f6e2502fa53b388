"""The card as a follower sees it, for the admin's pages: rows, and what is wrong with each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from templates_app.compiled import spec_of
from templates_app.fields import UNSEEN, field_type, shorten
from templates_app.models import Overflow, TemplateField, TemplateVersion
from templates_app.rendering import (
    CardRow,
    PatternError,
    Rendered,
    card_rows,
    compile_template,
)


@dataclass(frozen=True, slots=True)
class Card:
    title: str
    rows: list[CardRow]
    link: str = ""
    problems: tuple[str, ...] = ()


def card_of(version: TemplateVersion, values: Mapping[str, str], link: str = "") -> Card:
    """`values`: key -> the value that WeChat gets."""
    try:
        compiled = compile_template(spec_of(version))
    except PatternError as error:
        return Card(version.title, [], problems=(in_words(error),))
    rendered = Rendered(dict(values), "", None, ())
    return Card(version.title, card_rows(compiled, rendered), link)


def in_words(error: PatternError) -> str:
    """In the reader's language."""
    text = gettext("%(field)s: %(problem)s (position %(number)d)")
    return text % {
        "field": error.key,
        "problem": gettext(error.text),
        "number": error.position + 1,
    }


def sample_card(version: TemplateVersion, fields: Sequence[TemplateField]) -> Card:
    """With the samples of the fields, as they are stored or as somebody is typing them."""
    samples = {field.key: field.sample or field.pattern for field in fields}
    rows = [
        CardRow(
            field.label,
            shorten(field.key, samples[field.key])
            if field_type(field.key) == "history" or field.overflow == Overflow.SHORTEN
            else samples[field.key],
            field.key in UNSEEN,
        )
        for field in fields
    ]
    return Card(version.title, rows, version.miniprogram_appid or version.url)
