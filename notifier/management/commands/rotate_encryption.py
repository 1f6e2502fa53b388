"""manage.py rotate_encryption: after a new first key, encrypts every secret with it."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import transaction

from notifier.audit.record import record
from notifier.models import Action
from templates_app.encryption import EncryptedTextField


class Command(BaseCommand):
    help = (
        "Put a new key first in FIELD_ENCRYPTION_KEYS, restart, run this, then remove the old key."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        for model in apps.get_models():
            names = [
                field.name for field in model._meta.fields if isinstance(field, EncryptedTextField)
            ]
            if names:
                self._rotate(model, names)

    @transaction.atomic
    def _rotate(self, model: Any, names: list[str]) -> None:
        rows = model._default_manager.select_for_update().only("pk", *names)
        for row in rows:
            row.save(update_fields=names)
        # The values stay what they are, so that no row records a change.
        record(
            Action.ROTATE,
            object_type=model._meta.label_lower,
            after={"rows": len(rows), "fields": names},
        )
        self.stdout.write(f"{model._meta.label}: {len(rows)} rows, {', '.join(names)}")
