"""manage.py verify_audit: is the audit trail as it was written? Exit code 1: it is not."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from notifier.audit import append_only
from notifier.audit.anchors import Anchor, parse
from notifier.audit.verify import Verification


class Command(BaseCommand):
    help = (
        "Reads the whole audit trail and names each row that was altered, removed or inserted. "
        "Keep the anchor that it prints outside of this database, and give it to the next run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anchor",
            action="append",
            default=[],
            help="an anchor kept from before, DAY:NUMBER:HASH; its row must still be the same",
        )
        parser.add_argument(
            "--start", default="", help="an anchor to start after: what is older is not read"
        )

    def handle(self, *_args: Any, anchor: list[str], start: str, **_options: Any) -> None:
        anchors = [_parsed(one) for one in anchor]
        verification = Verification(_parsed(start) if start else None, anchors)
        count = 0
        for name in append_only.missing(connection):
            count += self._tell(f"the trigger {name} is gone: rows can be changed")
        for problem in verification.problems():
            count += self._tell(problem)
        if count:
            found = "1 problem" if count == 1 else f"{count} problems"
            raise CommandError(f"{found} in {verification.rows} rows: it was tampered with.")
        self.stdout.write(f"{verification.rows} rows, all as they were written.")
        if verification.last:
            self.stdout.write(f"anchor {verification.last}")

    def _tell(self, problem: str) -> int:
        self.stdout.write(problem)
        return 1


def _parsed(text: str) -> Anchor:
    try:
        return parse(text)
    except ValueError:
        raise CommandError(
            f"{text!r} is no anchor. One looks like 2026-11-25:17: and 64 hexadecimal digits; "
            "verify_audit prints it, and the clock logs it each day."
        ) from None
