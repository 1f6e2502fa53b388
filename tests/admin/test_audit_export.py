"""The audit trail as a file: the filtered rows, streamed, and recorded itself."""

import csv
import io
import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifier.admin import audit_export
from notifier.models import AuditEntry
from tests.admin.test_audit import LIST, SHOP, entry, page_of, tampered  # noqa: F401


def exported(client: Client, kind: str, **filters: object) -> str:
    answer = client.get(reverse("admin:notifier_auditentry_export", args=[kind]), filters)
    assert answer.status_code == 200
    assert answer.streaming
    return b"".join(answer).decode()


def test_the_csv_is_for_people(root: Client) -> None:
    one = entry(object_type="auth.group", object_name="=cmd()", after={"name": "编辑"})
    raw = exported(root, "csv", who="anna")
    assert raw.startswith("\ufeff")
    header, row = csv.reader(io.StringIO(raw.removeprefix("\ufeff")))
    assert len(header) == len(row)
    told = dict(zip(header, row, strict=True))
    assert told["who"] == "anna"
    assert told["action"] == "Changed"
    assert told["object"] == "'=cmd()"  # a spreadsheet must not carry it out
    assert json.loads(told["after"]) == {"name": "编辑"}
    assert told["hash"] == one.hash


def test_the_jsonl_is_for_programs(root: Client) -> None:
    one = entry(before={"name": "编辑"}, after={"name": "编辑部", "n": 1})
    (line,) = exported(root, "jsonl", who="anna").splitlines()
    told = json.loads(line)
    assert (told["id"], told["hash"], told["previous"]) == (one.pk, one.hash, one.previous)
    assert told["before"] == {"name": "编辑"}
    assert told["after"] == {"name": "编辑部", "n": 1}
    assert told["actor_kind"] == "user"


def test_an_export_has_the_rows_of_the_filters_and_is_recorded(root: Client) -> None:
    wanted = [entry("add", object_name=str(number)) for number in range(3)]
    entry("add", SHOP)
    lines = exported(root, "jsonl", who="anna", action="add").splitlines()
    assert [json.loads(one)["id"] for one in lines] == [one.pk for one in wanted]
    told = AuditEntry.objects.latest("id")
    assert told.action == "export"
    assert json.loads(told.after) == {
        "format": "jsonl",
        "filters": {"who": "anna", "action": "add"},
    }
    assert "who: anna" in page_of(root, told)


def test_an_export_is_read_page_by_page(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_export, "PAGE", 4)
    rows = [entry() for _ in range(10)]
    where = reverse("admin:notifier_auditentry_export", args=["jsonl"])
    lines = iter(root.get(where, {"who": "anna"}))
    with CaptureQueriesContext(connection) as first:
        next(lines)
    assert len(first.captured_queries) == 1
    with CaptureQueriesContext(connection) as rest:
        others = list(lines)
    assert 1 + len(others) == len(rows)
    assert len(rest.captured_queries) == 3


def test_an_export_of_nonsense_leads_back_to_the_list(root: Client) -> None:
    answer = root.get(reverse("admin:notifier_auditentry_export", args=["csv"]), {"nonsense": "1"})
    assert (answer.status_code, answer.headers["Location"]) == (302, LIST)
    assert root.get(f"{LIST}export/pdf/").status_code in (302, 404)


def test_a_row_that_was_tampered_with_is_exported_as_it_is(
    tampered: AuditEntry,  # noqa: F811
    root: Client,
) -> None:
    assert "nothing" in exported(root, "jsonl")
    assert "nothing" in exported(root, "csv")
