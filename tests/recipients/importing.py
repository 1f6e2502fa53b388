"""What tests of imports do again and again."""

import csv
import io

from openpyxl import Workbook

from notifier.models import RecipientImport
from notifier.recipients.imports import job
from notifier.recipients.imports.error_file import sentence
from notifier.recipients.imports.files import files
from notifier.recipients.imports.problems import Problem

FILE = "openid,user_id,name,email,phone,groups\n" + "\n".join(
    [
        "oA,u-1,李雷,li@example.com,138 0000 0001,会员;杭州",
        "oB,u-2,韩梅梅,,+86 13800000002,会员",
        "oC,,,,,",
    ]
)


def uploaded(account, content, name="people.csv"):
    row = RecipientImport.objects.create(
        account=account, file_name=name, requested_by="li", language="en"
    )
    files.keep(row.pk, [content if isinstance(content, bytes) else content.encode()])
    return row


def checked(account, content, **values):
    row = uploaded(account, content, **values)
    job.run(row.pk)
    row.refresh_from_db()
    return row


def confirm(row):
    RecipientImport.objects.filter(pk=row.pk).update(
        state="applying", confirmed_by="li", new=0, changed=0, unchanged=0, lease_until=None
    )


def imported(account, content, **values):
    row = checked(account, content, **values)
    assert row.state == "checked", row.error
    confirm(row)
    job.run(row.pk)
    row.refresh_from_db()
    return row


def figures(row):
    return row.new, row.changed, row.unchanged, row.wrong


def sentences(row):
    return [sentence(Problem(*one)) for one in row.problems]


def xlsx(*rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def errors_of(row):
    text = files.errors(row.pk).read_text("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))
