"""The card as a follower sees it, for the admin's pages: rows, and what is wrong with each."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext

from templates_app.compiled import spec_of
from templates_app.fields import compile_rule
from templates_app.models import TemplateVersion
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


def sample_card(version: TemplateVersion) -> Card:
    """With the samples of the version's fields, each held against WeChat's rule for its type."""
    problems = []
    for field in version.fields.all():
        problem = compile_rule(field.key, tuple(field.enum_values))(field.sample)
        if field.sample and problem:
            text = gettext(problem.message) % dict(problem.params)
            problems.append(f"{field.label or field.key}: {text}")
    samples = {field.key: field.sample or field.pattern for field in version.fields.all()}
    link = version.miniprogram_appid or version.url
    card = card_of(version, samples, link)
    return Card(card.title, card.rows, card.link, (*card.problems, *problems))
