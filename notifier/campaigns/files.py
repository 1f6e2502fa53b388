"""Uploaded audiences."""

from notifier.recipients.imports.files import Folder

files = Folder("campaigns")
