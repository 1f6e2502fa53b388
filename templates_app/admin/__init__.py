"""The admin's pages of accounts, templates and versions."""

from templates_app.admin.accounts import OfficialAccountAdmin
from templates_app.admin.listed import ListedTemplateAdmin
from templates_app.admin.templates import MessageTemplateAdmin
from templates_app.admin.versions import TemplateVersionAdmin

__all__ = [
    "ListedTemplateAdmin",
    "MessageTemplateAdmin",
    "OfficialAccountAdmin",
    "TemplateVersionAdmin",
]
