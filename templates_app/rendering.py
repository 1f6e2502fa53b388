"""Turns a template's `{{ variable }}` patterns and a caller's data into WeChat's `data`. Pure.

Called by intake for every message, and by the admin for previews. Compiled once per version.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import call
from typing import Protocol

from templates_app.fields import (
    UNSEEN,
    Problem,
    Rule,
    compile_accepts,
    compile_diagnosis,
    field_type,
    shorten,
)
from templates_app.links import Target, fill_link, parse_links, targets
from templates_app.patterns import (
    FieldSpec,
    Pattern,
    PatternError,
    TemplateSpec,
    parse_pattern,
    picker,
    value_text,
)

__all__ = [
    "CardRow",
    "CompiledTemplate",
    "FieldSpec",
    "PatternError",
    "RenderProblem",
    "Rendered",
    "TemplateSpec",
    "card_rows",
    "compile_template",
    "payload",
]


def N_(text: str) -> str:  # noqa: N802 - gettext's customary name
    """Mark a text for the message catalogue."""
    return text


# Every rule refuses NUL, so it can stand between the fields of a message.
_SEPARATOR = "\0"

_ABSENT = ("missing_variable", N_("The variable %(name)s is missing."))
_WRONG_TYPE = N_("The variable %(name)s must be a text or a number.")


@dataclass(frozen=True, slots=True)
class RenderProblem:
    """One thing wrong with a caller's data; `pointer` is a JSON pointer into that data."""

    pointer: str
    key: str
    problem: Problem

    @property
    def code(self) -> str:
        """The stable code, such as "too_long" or "missing_variable"."""
        return self.problem.code

    @property
    def text(self) -> str:
        """The message in English."""
        return self.problem.text


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to be sent when `problems` is empty; `data` maps keys to values."""

    data: dict[str, str]
    url: str
    miniprogram: tuple[str, str] | None
    problems: tuple[RenderProblem, ...]


@dataclass(frozen=True, slots=True)
class CardRow:
    """One line of the card as the follower sees it."""

    label: str
    value: str
    hidden: bool


class LabelledField(Protocol):
    """A FieldSpec, or a row of one."""

    @property
    def key(self) -> str: ...
    @property
    def label(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Field:
    pattern: Pattern
    diagnose: Rule
    overflow: str

    def checked(self, text: str) -> tuple[str, Problem | None]:
        """Return the field's value, shortened when that is wanted and enough, and what is wrong."""
        problem = self.diagnose(text)
        if problem and problem.code == "too_long" and self.overflow == "shorten":
            shorter = shorten(self.pattern.key, text)
            if self.diagnose(shorter) is None:
                return shorter, None
        return text, problem


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """A template version ready to render; made by `compile_template`, safe to share by threads."""

    spec: TemplateSpec
    variables: tuple[str, ...]
    keys: tuple[str, ...]
    _fields: tuple[_Field, ...]
    _links: tuple[Pattern, ...]
    _fixed_links: Target | None
    _pick: Callable[[Mapping[str, object]], tuple[object, ...]]
    _format: str
    _accepts: tuple[Callable[[str], object], ...]

    def render(self, data: Mapping[str, object]) -> Rendered:
        """Fill the patterns with the caller's data; what is wrong stands in `problems`.

        Values are texts, integers, floats or Decimals; white space around them is trimmed.
        """
        values = self._good_values(data)
        if values is None:
            patterns = tuple(field.pattern for field in self._fields) + self._links
            texts, problems = _texts(data, patterns)
            filled = self._examine(texts, problems)
        else:
            filled = dict(zip(self.keys, values, strict=True))
            if self._fixed_links is not None:
                return Rendered(filled, *self._fixed_links, ())
            texts, problems = _texts(data, self._links)
        links = _fill_links(self._links, texts, problems)
        return Rendered(filled, *targets(self.spec, links), tuple(problems))

    def render_values(self, values: Mapping[str, object]) -> Rendered:
        """The same with WeChat's own values by key. As at WeChat an absent one is empty, others are
        left out, and there is no link by itself."""
        texts = [value_text(values.get(key)) or "" for key in self.keys]
        found = [field.checked(text) for field, text in zip(self._fields, texts, strict=True)]
        done = dict(zip(self.keys, found, strict=True))
        problems = [RenderProblem(f"/{key}", key, one) for key, (_, one) in done.items() if one]
        return Rendered({key: text for key, (text, _) in done.items()}, "", None, tuple(problems))

    def _good_values(self, data: Mapping[str, object]) -> list[str] | None:
        """Fill all fields in one formatting step; None sends the message to the exact way."""
        try:
            texts = _trimmed(self._pick(data))
        except KeyError:
            return None
        if texts is None:
            return None
        values = (self._format % texts).split(_SEPARATOR)
        good = len(values) == len(self.keys) and all(map(call, self._accepts, values))
        return values if good else None

    def _examine(self, texts: Mapping[str, str], problems: list[RenderProblem]) -> dict[str, str]:
        filled = {}
        for field in self._fields:
            pattern = field.pattern
            if texts.keys() >= set(pattern.names):
                filled[pattern.key], problem = field.checked(pattern.fill(texts))
                if problem:
                    problems.append(RenderProblem(pattern.pointer, pattern.key, problem))
        return filled


def compile_template(spec: TemplateSpec) -> CompiledTemplate:
    """Compile a version's patterns and rules; raise PatternError for a pattern that is no good."""
    fields = tuple(
        _Field(
            parse_pattern(each.key, each.pattern),
            compile_diagnosis(each.key, each.enum_values),
            each.overflow,
        )
        for each in spec.fields
    )
    patterns = tuple(field.pattern for field in fields)
    links = parse_links(spec)
    names = [name for pattern in patterns for name in pattern.names]
    link_names = [name for link in links for name in link.names]
    return CompiledTemplate(
        spec=spec,
        variables=tuple(dict.fromkeys(names + link_names)),
        keys=tuple(each.key for each in spec.fields),
        _fields=fields,
        _links=links,
        _fixed_links=_fixed(spec, links),
        _pick=picker(names),
        _format=_SEPARATOR.join(pattern.format for pattern in patterns),
        _accepts=tuple(compile_accepts(each.key, each.enum_values) for each in spec.fields),
    )


def payload(
    rendered: Rendered,
    *,
    touser: str,
    template_id: str,
    client_msg_id: str,
    url: str | None = None,
    miniprogram: tuple[str, str] | None = None,
) -> dict[str, object]:
    """Return the JSON object of template/send (official page sendTemplateMessage).

    `url` and `miniprogram` (appid, pagepath) replace the template's own; a `url` of "" takes the
    link away.
    """
    url = rendered.url if url is None else url
    appid, pagepath = miniprogram or rendered.miniprogram or ("", "")
    body: dict[str, object] = {"touser": touser, "template_id": template_id}
    if url:
        body["url"] = url
    if appid:
        body["miniprogram"] = {"appid": appid} | ({"pagepath": pagepath} if pagepath else {})
    body["client_msg_id"] = client_msg_id
    body["data"] = {key: {"value": value} for key, value in rendered.data.items()}
    return body


def card_rows(fields: Iterable[LabelledField], data: Mapping[str, str]) -> list[CardRow]:
    """Return the card's lines as the follower sees them; `data`: key -> the value WeChat gets.

    History templates since 2023-05-04: `first` and `remark` are hidden and the fields between are
    folded at 20 characters (announcement in the developer community).
    """
    rows = []
    for field in fields:
        value = data.get(field.key, "")
        hidden = field.key in UNSEEN
        folds = field_type(field.key) == "history" and not hidden
        rows.append(CardRow(field.label, shorten(field.key, value) if folds else value, hidden))
    return rows


def _trimmed(values: tuple[object, ...]) -> tuple[str, ...] | None:
    """Return the values as texts, or None when one has a wrong type."""
    try:
        return tuple(map(str.strip, values))  # type: ignore[arg-type]  # tried
    except TypeError:
        texts = tuple([text for value in values if (text := value_text(value)) is not None])
        return texts if len(texts) == len(values) else None


def _texts(
    data: Mapping[str, object], patterns: tuple[Pattern, ...]
) -> tuple[dict[str, str], list[RenderProblem]]:
    """Return the variables of these patterns as texts, and a problem for each that is not one."""
    users: dict[str, str] = {}
    for pattern in patterns:
        for name in pattern.names:
            users.setdefault(name, pattern.key)
    texts: dict[str, str] = {}
    problems = []
    for name, key in users.items():
        text = value_text(data[name]) if name in data else None
        if text is not None:
            texts[name] = text
            continue
        code, message = ("wrong_type", _WRONG_TYPE) if name in data else _ABSENT
        problems.append(RenderProblem(f"/{name}", key, Problem(code, message, {"name": name})))
    return texts, problems


def _fill_links(
    links: tuple[Pattern, ...], texts: Mapping[str, str], problems: list[RenderProblem]
) -> dict[str, str]:
    filled = {}
    for link in links:
        if texts.keys() >= set(link.names):
            filled[link.key], problem = fill_link(link, texts)
            if problem:
                problems.append(RenderProblem(link.pointer, link.key, problem))
    return filled


def _fixed(spec: TemplateSpec, links: tuple[Pattern, ...]) -> Target | None:
    """Return the targets of a template whose links have no variable and no fault, once for all."""
    problems: list[RenderProblem] = []
    filled = _fill_links(links, {}, problems)
    varies = any(link.names for link in links)
    return None if varies or problems else targets(spec, filled)
