"""Accounts, templates and their versions."""

from templates_app.models.access import AccountAccess
from templates_app.models.accounts import CallbackMode, OfficialAccount
from templates_app.models.listed import ListedTemplate
from templates_app.models.templates import (
    Fallback,
    MessageTemplate,
    Overflow,
    TemplateField,
    TemplateVersion,
)

__all__ = [
    "AccountAccess",
    "CallbackMode",
    "Fallback",
    "ListedTemplate",
    "MessageTemplate",
    "OfficialAccount",
    "Overflow",
    "TemplateField",
    "TemplateVersion",
]
