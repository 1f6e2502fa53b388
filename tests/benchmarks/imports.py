"""Imports: a CSV of many recipients, its dry run and its import, then the same file again.

python -m tests.benchmarks.imports [rows]: on PostgreSQL, in a worker's process of its own.
"""

import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks import environment  # isort: skip - starts the services first
from django.db import connection

from notifier.models import Recipient, RecipientImport
from notifier.recipients.imports.files import files
from tests import builders
from tests.benchmarks.growth import tune

COLUMNS = "openid,user_id,姓名,email,手机号,unionid,分组\n"


def write(path: Path, rows: int) -> None:
    path.touch(mode=0o600)
    with path.open("w") as file:
        file.write(COLUMNS)
        for number in range(rows):
            file.write(
                f"o{number:027d},u-{number},李雷{number % 1000},u{number}@example.com,"
                f"1{3800000000 + number},u{number:027d},组{number % 20}\n"
            )


def confirm(pk: int) -> None:
    RecipientImport.objects.filter(pk=pk).update(
        state="applying", confirmed_by="bench", new=0, changed=0, unchanged=0, lease_until=None
    )


def in_a_process(pk: int) -> tuple[float, float]:
    """Seconds, and the most MiB that the process had."""
    started = time.perf_counter()
    answer = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.import_job", str(pk)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return time.perf_counter() - started, float(answer.stdout.split()[-1])


def measure(account_id: int, rows: int, name: str) -> None:
    row = RecipientImport.objects.create(
        account_id=account_id, file_name=name, requested_by="bench", language="en"
    )
    write(files.upload(row.pk), rows)
    check, peak = in_a_process(row.pk)
    row.refresh_from_db()
    assert row.state == "checked", (row.state, row.error)
    expected = f"{row.new:,} new, {row.changed:,} changed, {row.unchanged:,} unchanged"
    confirm(row.pk)
    apply, peak_of_apply = in_a_process(row.pk)
    row.refresh_from_db()
    assert row.state == "done", (row.state, row.error)
    print(
        f"| {name} | {rows:,} | {check:.0f} s | {apply:.0f} s | {peak:.0f} / {peak_of_apply:.0f} | "
        f"{expected} | {row.new:,} / {row.changed:,} / {row.unchanged:,} / {row.wrong:,} |",
        flush=True,
    )


def main() -> None:
    environment.migrate()
    tune()
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    account = builders.make_account()
    print(
        "| import | rows | dry run | import | peak MiB | dry run says | stored: new / changed / … |"
    )
    print("| --- | ---: | ---: | ---: | ---: | --- | --- |")
    for name in ("first", "the same again"):
        measure(account.pk, rows, name)
        with connection.cursor() as cursor:
            cursor.execute("SELECT sum(n_tup_ins), sum(n_tup_upd) FROM pg_stat_user_tables")
            print(f"  rows inserted and updated in the database so far: {cursor.fetchone()}")
    assert Recipient.objects.count() == rows


if __name__ == "__main__":
    main()
