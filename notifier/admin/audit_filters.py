"""Filters of the audit trail: who, what, when, and kinds of them."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter, TextFilter
from unfold.contrib.filters.forms import RangeDateForm

from notifier.admin.audit_words import type_in_words
from notifier.audit.watched import AUDITED
from notifier.models import Action, ActorKind, AuditEntry, Message, WebhookDelivery

TYPES = [label.lower() for label in AUDITED] + [
    Message._meta.label_lower,
    AuditEntry._meta.label_lower,
    WebhookDelivery._meta.label_lower,
]
Entries = QuerySet[AuditEntry]


class DaysForm(RangeDateForm):
    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(name, *args, **kwargs)
        self.fields[f"{name}_from"].widget.attrs["placeholder"] = _("First day")
        self.fields[f"{name}_to"].widget.attrs["placeholder"] = _("Last day")


class DaysFilter(RangeDateFilter):
    form_class = DaysForm


class WhoFilter(TextFilter):
    title = _("who")
    parameter_name = "who"

    def queryset(self, request: HttpRequest, queryset: Entries) -> Entries:
        """The whole name: an index finds it."""
        name = (self.value() or "").strip()
        return queryset.filter(actor=name) if name else queryset


class _Exact(DropdownFilter):
    def queryset(self, request: HttpRequest, queryset: Entries) -> Entries:
        value = self.value()
        return queryset.filter(**{self.parameter_name: value}) if value else queryset


class KindFilter(_Exact):
    title = _("kind of actor")
    parameter_name = "actor_kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(ActorKind.choices)


class ActionFilter(_Exact):
    title = _("action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Action.choices)


class TypeFilter(_Exact):
    title = _("kind of object")
    parameter_name = "object_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(one, type_in_words(one)) for one in TYPES]
