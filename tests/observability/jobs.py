"""A job that writes a line."""

import logging

log = logging.getLogger(__name__)


def complain(text: str) -> None:
    log.warning(text)
