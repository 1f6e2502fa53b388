"""As in English: operators read both, and a date that reads alike is compared at a glance."""

from config.formats.en.formats import *  # noqa: F403
