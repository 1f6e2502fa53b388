"""What differs between two versions of a template, part by part. Pure."""

from dataclasses import dataclass

from templates_app.models import TemplateField, TemplateVersion
from templates_app.versions import FIELD_PARTS, PARTS


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    """The model field's, or `key: part` of one of WeChat's fields."""
    before: str
    after: str

    @property
    def differs(self) -> bool:
        return self.before != self.after


def compare(before: TemplateVersion, after: TemplateVersion) -> list[Part]:
    """All parts, the same ones too, in the order of the page."""
    parts = [
        Part(_title(TemplateVersion, name), str(getattr(before, name)), str(getattr(after, name)))
        for name in PARTS
    ]
    old = {field.key: field for field in before.fields.all()}
    new = {field.key: field for field in after.fields.all()}
    for key in [*new, *(key for key in old if key not in new)]:
        for name in FIELD_PARTS:
            values = (_value(old.get(key), name), _value(new.get(key), name))
            parts.append(Part(f"{key}: {_title(TemplateField, name)}", *values))
    return parts


def _title(model: type[TemplateVersion] | type[TemplateField], name: str) -> str:
    return str(model._meta.get_field(name).verbose_name)  # type: ignore[union-attr]


def _value(field: TemplateField | None, name: str) -> str:
    if field is not None and name == "overflow":
        return str(field.get_overflow_display())
    value = getattr(field, name, "")
    return ", ".join(value) if isinstance(value, list) else str(value)
