"""Files that people upload."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext


def not_too_large(file: Any) -> None:
    """A form field's validator."""
    if file.size > settings.IMPORT_MAX_BYTES:
        text = gettext("The file has %(size)s; at most %(limit)s are taken. Split it.")
        limit = filesizeformat(settings.IMPORT_MAX_BYTES)
        raise ValidationError(text % {"size": filesizeformat(file.size), "limit": limit})


def name_of(file: Any) -> str:
    """Without a folder, and as long as we keep it."""
    return Path(file.name).name[-200:]
