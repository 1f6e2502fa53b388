"""The windows that a window is compared with: look-ups in one index, for those with traffic."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from notifier.anomalies.happened import Key
from notifier.anomalies.judgement import HOUR, JOINED, LEAST, examples
from notifier.models import MeasuredWindow

NAMES = (
    *("account_id", "template_id", "begins", "is_sample"),
    *("tried", "failed", "refused", "timed", "p95_ms", "errcodes"),
    *("sent", "blocked", "undelivered", "missing", "lag_ms"),
)
History = dict[Key, dict[datetime, Any]]


def history(at: datetime, width: timedelta) -> History:
    """Of the accounts and templates with messages in the window that begins at `at`: that one,
    those before it, and of what is an example of the usual the best basis that has enough."""
    found: History = defaultdict(dict)
    _read(found, {at - n * width for n in range(JOINED)}, None)
    keys = {key for key, rows in found.items() if at in rows}
    lacking = set(keys)
    for (_basis, least, groups), (_, _, hours) in zip(
        examples(at, width), examples(at, width, HOUR), strict=True
    ):
        if not lacking:
            break
        _read(found, {one for group in [*groups, *hours] for one in group}, lacking)
        lacking = {key for key in lacking if _known(found[key], groups) < least}
    return {key: found[key] for key in keys}


def _known(rows: dict[datetime, Any], groups: list[list[datetime]]) -> int:
    """Groups with enough of both attempts and receipts."""
    return sum(
        min(
            sum(rows[one].tried for one in group if one in rows),
            sum(rows[one].sent for one in group if one in rows),
        )
        >= LEAST
        for group in groups
    )


def _read(found: History, begins: Collection[datetime], keys: set[Key] | None) -> None:
    rows = MeasuredWindow.objects.filter(begins__in=begins, account_id__gt=0).order_by()
    if keys is not None:
        rows = rows.filter(account_id__in={account for account, _ in keys})
    for row in rows.values_list(*NAMES, named=True).iterator():
        key = (row.account_id, row.template_id)
        if keys is None or key in keys:
            found[key][row.begins] = row
