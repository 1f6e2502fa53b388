"""Changes that the calling services are told of, written in the transaction of the change."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from notifier.dispatch import sql
from notifier.models import Message, OutboxEntry

_MESSAGE = Message._meta.db_table
_OUTBOX = OutboxEntry._meta.db_table


def note_changes(ids: Collection[UUID], now: datetime, detail: str | None = None) -> None:
    """`ids`: messages whose new state is in TOLD, locked by the caller. Of those that no service
    asked for, such as an operator's tests, nothing is written. `detail`: by default what WeChat
    said last."""
    if not ids:
        return
    among, listed = sql.among(ids)
    said, values = ("m.errmsg", []) if detail is None else ("CAST(%s AS varchar(300))", [detail])
    sql.execute(
        f"INSERT INTO {_OUTBOX} (message_id, client_id, type, state, at, attempt, reason, "  # noqa: S608
        "errcode, detail) "
        "SELECT m.id, m.client_id, 'message.' || m.state, m.state, %s, m.attempts, m.reason, "
        f"m.errcode, {said} FROM {_MESSAGE} m "
        f"WHERE m.id {among} AND m.client_id IS NOT NULL",
        [now, *values, *listed],
    )
