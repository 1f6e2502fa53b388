"""What an address names: a row by its id, the template that a page is about."""

from django.db.models import QuerySet
from django.http import HttpRequest

from templates_app.access import limited
from templates_app.models import MessageTemplate


def row_id(text: str | None) -> int:
    """0, which no row has: it is no id, or longer than any."""
    return int(text) if text and text.isdecimal() and len(text) < 19 else 0


def sendable_templates(request: HttpRequest) -> QuerySet[MessageTemplate]:
    """Those with a published version, with their accounts."""
    published = MessageTemplate.objects.exclude(published=None)
    return limited(published, request.user).select_related("account").defer("account__app_secret")


def chosen_template(request: HttpRequest) -> MessageTemplate | None:
    """`?template=`"""
    pk = row_id(request.GET.get("template"))
    return sendable_templates(request).filter(pk=pk).first()
