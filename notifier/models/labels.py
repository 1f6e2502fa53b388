"""What of a message's metadata can be searched: written once, with the message, and never changed.
An index on the JSON itself would be written anew with every change of the message's state."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import models

from notifier.models.messages import Message

MOST = 20
KEY_LENGTH, VALUE_LENGTH = 64, 128


class MessageLabel(models.Model):
    """One entry of the metadata: a name at its top, and a text, number or boolean as text."""

    message = models.ForeignKey(
        Message, models.CASCADE, db_index=False, related_name="labels"
    )  # label_once begins with it
    key = models.CharField(max_length=KEY_LENGTH)
    value = models.CharField(max_length=VALUE_LENGTH)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "key"], name="label_once")]
        indexes = [models.Index(fields=["key", "value", "-message"], name="label_search")]

    def __str__(self) -> str:
        return self.key


def labels_of(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, value) of the first MOST entries that are short enough."""
    found = 0
    for key, value in metadata.items():
        text = label_text(value)
        if text is not None and len(key) <= KEY_LENGTH and len(text) <= VALUE_LENGTH:
            yield key, text
            found += 1
            if found == MOST:
                return


def label_text(value: Any) -> str | None:
    """As JSON writes it, without a text's quotes; None: it cannot be searched."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not (math.isfinite(value) and value != int(value)):
        return str(int(value)) if math.isfinite(value) else None
    if isinstance(value, (str, int, float)):
        return str(value)
    return None


def labelled(key: str, value: str) -> models.Exists:
    """For a filter of messages."""
    same = MessageLabel.objects.filter(key=key, value=value)
    return models.Exists(same.filter(message=models.OuterRef("pk")))
