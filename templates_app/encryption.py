"""Secrets encrypted at rest, with rotation of keys."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
else:
    _TextField = models.TextField


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key.strip()) for key in keys])


def fernet() -> MultiFernet:
    """The first of FIELD_ENCRYPTION_KEYS encrypts; each of them can decrypt."""
    try:
        return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS))
    except ValueError:
        raise ImproperlyConfigured(
            "FIELD_ENCRYPTION_KEYS holds a value that is not a Fernet key "
            "(32 bytes in URL-safe base64)."
        ) from None


class EncryptedTextField(_TextField):
    """Text that the database holds only encrypted; an empty text stays empty."""

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        return fernet().encrypt(text.encode()).decode() if text else text

    def from_db_value(self, value: str | None, _expression: Any, _connection: Any) -> str | None:
        if not value:
            return value
        try:
            return fernet().decrypt(value.encode()).decode()
        except InvalidToken:
            raise ImproperlyConfigured(
                f"{self.model.__name__}.{self.name} cannot be decrypted: none of "
                "FIELD_ENCRYPTION_KEYS made it. Add the key it was encrypted with."
            ) from None
