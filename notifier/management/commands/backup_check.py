"""manage.py backup_check: can the database that DATABASE_URL names be used as it was restored?"""

from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from notifier.retention.restore import NEEDED, findings, park


class Command(BaseCommand):
    help = (
        "Looks at a restored database before anything runs on it: migrations, keys of encryption, "
        "the audit trail, how old it is, and what in it would perhaps be sent a second time. Exit "
        "code 1: something must be done first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--park",
            action="store_true",
            help="what may have been sent since the backup waits for a person: messages become "
            "`unknown`, campaigns are paused, recurring messages switched off",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        now = timezone.now()
        needed = islice(findings(now), len(NEEDED))
        if options["park"] and all(one.is_good for one in needed):
            counts = park(now, "backup_check")
            told = ", ".join(f"{count} {what}" for what, count in counts.items())
            self.stdout.write(f"parked: {told}")
        bad = 0
        for one in findings(now):
            self.stdout.write(f"{'ok ' if one.is_good else 'BAD'} {one.name}: {one.text}")
            bad += not one.is_good
        if bad:
            raise CommandError("Do not start a worker or a clock on it yet.")
