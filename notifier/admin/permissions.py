"""What a permission lets one do, in the reader's language: Django stores its names in English, one
for each action on each table, whether a page asks for it or not."""

from typing import Any

from django.apps import apps
from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_noop

VERBS: dict[str, str] = {
    "view": gettext_noop("view"),
    "add": gettext_noop("add"),
    "change": gettext_noop("change"),
    "delete": gettext_noop("delete"),
}
OTHERS = (
    gettext_noop("Can see personal data in full"),
    gettext_noop("Can export recipients"),
    gettext_noop("Can erase a person's data"),
    gettext_noop("Access admin page"),
    gettext_noop("Can sync templates from WeChat"),
)
"""Names that are stored from where no text is marked."""
APPS = ("templates_app", "notifier", "auth", "django_rq")
OF_THE_MACHINE = (
    *("messagecount", "messageevent", "seenfollower", "fallbacksend", "loginfailures", "push"),
    *("permission", "campaignrow", "authenticator", "outboxentry", "clientevent", "eventlog"),
    *("messagelabel", "measuredwindow"),
)
"""Tables that nobody has a page of."""


def meant(found: QuerySet[Permission]) -> QuerySet[Permission]:
    """Those that a page asks for."""
    ours = found.filter(content_type__app_label__in=APPS)
    return ours.exclude(content_type__model__in=OF_THE_MACHINE).select_related("content_type")


def in_words(permission: Permission) -> str:
    """Recipients: add"""
    kind = permission.content_type
    try:
        model: Any = apps.get_model(kind.app_label, kind.model)
    except LookupError:
        return permission.name
    verb, _, rest = permission.codename.partition("_")
    is_usual = verb in VERBS and rest == kind.model
    name = gettext(VERBS[verb]) if is_usual else gettext(permission.name)
    where = gettext("Queues") if kind.app_label == "django_rq" else model._meta.verbose_name_plural
    return f"{capfirst(where)}: {name}"
