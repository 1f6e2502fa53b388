"""The database itself refuses to change or remove a row of the audit trail. Who owns the database
can drop these triggers: then the chain of hashes shows what was done (`manage.py verify_audit`)."""

from typing import Any

from notifier.models import AuditEntry

TABLE = AuditEntry._meta.db_table
_TEXT = "The audit trail is append-only"

_SQLITE = {
    "audit_refuses_update": f"BEFORE UPDATE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{_TEXT}'); END",
    "audit_refuses_delete": f"BEFORE DELETE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{_TEXT}'); END",
    # INSERT OR REPLACE removes the row in its way without asking the trigger of DELETE.
    "audit_refuses_replace": (
        f"BEFORE INSERT ON {TABLE} WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id "  # noqa: S608 - our own name
        f"OR (day = NEW.day AND number = NEW.number)) BEGIN SELECT RAISE(ABORT, '{_TEXT}'); END"
    ),
}
_POSTGRESQL = {
    "audit_refuses_change": (
        f"BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION audit_refuse()"
    ),
    "audit_refuses_truncate": (
        f"BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
    ),
}
_FUNCTION = (
    "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_TEXT}'; END $$"
)
TRIGGERS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}


def protect(connection: Any) -> list[str]:
    """The statements that make the triggers; for a migration, and for one that has altered the
    table, since SQLite loses its triggers with that."""
    function = [_FUNCTION] if connection.vendor == "postgresql" else []
    triggers = TRIGGERS[connection.vendor].items()
    return [*function, *(f"CREATE TRIGGER {name} {rest}" for name, rest in triggers)]


def unprotect(connection: Any) -> list[str]:
    where = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
    return [f"DROP TRIGGER IF EXISTS {name}{where}" for name in TRIGGERS[connection.vendor]]


_EXISTING = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s",
    # Those that are switched off do not count.
    "postgresql": (
        "SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "WHERE c.relname = %s AND t.tgenabled IN ('O', 'A')"
    ),
}


def missing(connection: Any) -> list[str]:
    """The triggers that should be there and are not."""
    with connection.cursor() as cursor:
        cursor.execute(_EXISTING[connection.vendor], [TABLE])
        existing = {name for (name,) in cursor.fetchall()}
    return [name for name in TRIGGERS[connection.vendor] if name not in existing]
