"""What is wrong with a file or a row of it. Texts are English msgids; the page translates them."""

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.translation import gettext


class Problem(NamedTuple):
    """`column`: as the file names it; empty where the whole row is meant."""

    row: int
    column: str
    text: str
    params: Mapping[str, object] = {}


class Unreadable(Exception):
    """The file as a whole cannot be imported."""

    def __init__(self, text: str, **params: object) -> None:
        super().__init__(text)
        self.text, self.params = text, params


def in_words(text: str, params: Mapping[str, object]) -> str:
    """In the reader's language."""
    return gettext(text) % params if params else gettext(text)
