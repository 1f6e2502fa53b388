"""Uploaded audiences."""

from notifier.recipients.imports.files import Folder

files = Folder("campaigns")
NDJSON_NAME = "rows.ndjson"
"""Of an audience that a service sent as NDJSON. It is kept as CSV, each line one below its place,
for NDJSON has no header line; a row's number is the line's."""
