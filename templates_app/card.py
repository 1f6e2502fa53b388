"""The card as a follower sees it, for the admin's pages and for e-mails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from templates_app.fields import shorten
from templates_app.models import Overflow, TemplateField, TemplateVersion
from templates_app.rendering import CardRow, PatternError, card_rows


@dataclass(frozen=True, slots=True)
class Card:
    title: str
    rows: list[CardRow]
    link: str = ""


def card_of(version: TemplateVersion, values: Mapping[str, str], link: str = "") -> Card:
    """`values`: key -> the value that WeChat gets."""
    return Card(version.title, card_rows(version.fields.all(), values), link)


def sample_card(version: TemplateVersion, fields: Sequence[TemplateField]) -> Card:
    """With the samples of the fields, as they are stored or as somebody is typing them."""
    samples = {field.key: _sample(field) for field in fields}
    return Card(version.title, card_rows(fields, samples), version.miniprogram_appid or version.url)


def _sample(field: TemplateField) -> str:
    text = field.sample or field.pattern
    return shorten(field.key, text) if field.overflow == Overflow.SHORTEN else text


def in_words(error: PatternError) -> str:
    """In the reader's language."""
    text = gettext("%(field)s: %(problem)s (position %(number)d)")
    return text % {
        "field": error.key,
        "problem": gettext(error.text),
        "number": error.position + 1,
    }
