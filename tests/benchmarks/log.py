"""The log at ten million rows, on PostgreSQL: how long each page takes an operator, beside Django's
own changelist over the same table.

python -m tests.benchmarks.log [MILLIONS]: builds the table first (about two minutes for ten).
"""

import sys
import time
from collections.abc import Callable
from datetime import timedelta

from tests.benchmarks import environment  # isort: skip - starts the services first
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from notifier.models import Message, MessageCount, Recipient, State
from notifier.models.counts import ACCEPTED, ANSWER, Span
from notifier.models.ids import first_id_at
from templates_app.models import MessageTemplate
from tests import builders
from tests.benchmarks.bodies import CONTENT, PATTERNS, body, openid

TEMPLATES, PEOPLE, DAYS = 5, 100_000, 30
ROUNDS = 20
LOG = "/admin/notifier/message/"
FILL = """
INSERT INTO notifier_message (id, account_id, version_id, recipient_id, requested_by, openid,
  priority, payload, metadata, request_digest, state, reason, created_at, due_at, expires_at,
  claimed_by, attempts, msgid, errcode, errmsg, rid, receipt_status, is_test, traceparent, baggage)
SELECT (lpad(to_hex(one.ms), 12, '0') || '7' || substr(md5(random()::text || n), 1, 19))::uuid,
  %s, %s + (n %% {templates}), %s + (n::bigint * 7919 %% {people}), '', 'x', 1, %s, '{{}}', '',
  one.state, '', to_timestamp(one.ms / 1000.0), to_timestamp(one.ms / 1000.0),
  to_timestamp(one.ms / 1000.0) + interval '1 day', '', 1,
  (4000000000000000000 + n::bigint)::text, CASE WHEN one.state = 'failed' THEN 43004 ELSE 0 END,
  '', '', '', false, '', ''
FROM generate_series(%s, %s) n, LATERAL (SELECT (%s + n * %s)::bigint AS ms,
  CASE WHEN n %% 1000 = 0 THEN 'failed' WHEN n %% 50 = 0 THEN 'sent' ELSE 'delivered' END
    AS state) one
"""


def fill(count: int) -> list[MessageTemplate]:
    account = builders.make_account()
    templates = [
        builders.make_template(account, patterns=PATTERNS, content=CONTENT)
        for _ in range(TEMPLATES)
    ]
    people = Recipient.objects.bulk_create(
        [Recipient(account=account, openid=openid(n), user_id=f"u-{n}") for n in range(PEOPLE)],
        batch_size=5000,
    )
    begins = int((timezone.now() - timedelta(days=DAYS)).timestamp() * 1000)
    step = DAYS * 86_400_000 / count
    statement = FILL.format(templates=TEMPLATES, people=PEOPLE)
    first_version = min(one.published_id for one in templates if one.published_id)
    with connection.cursor() as cursor:
        for start in range(0, count, 500_000):
            last = min(start + 500_000, count) - 1
            values = [account.pk, first_version, people[0].pk, body(1).decode()]
            cursor.execute(statement, [*values, start, last, begins, step])
            print(f"{last + 1:,} rows", file=sys.stderr, flush=True)
        cursor.execute("VACUUM ANALYZE notifier_message")
    return templates


def fill_counts(templates: list[MessageTemplate]) -> None:
    """What the same messages leave behind: four workers' shares of each hour."""
    this = timezone.now().replace(minute=0, second=0, microsecond=0)
    MessageCount.objects.bulk_create(
        [
            MessageCount(
                span=Span.HOUR,
                begins=this - timedelta(hours=hour),
                account_id=template.account_id,
                template_id=template.pk,
                state=state,
                errcode=43004 if state == ANSWER else 0,
                shard=shard,
                count=100,
            )
            for hour in range(24 * DAYS)
            for template in templates
            for state in (ACCEPTED, State.SENT, State.DELIVERED, State.FAILED, ANSWER)
            for shard in range(4)
        ],
        batch_size=5000,
    )


def pages(templates: list[MessageTemplate]) -> dict[str, str]:
    row = Message.objects.order_by("-id")[1000]
    middle = first_id_at(timezone.now() - timedelta(days=DAYS / 2))
    return {
        "overview": "/admin/",
        "list, first page": LOG,
        "list, in the middle": f"{LOG}?before={middle}",
        "failed": f"{LOG}?state__exact=failed",
        "failed, in the middle": f"{LOG}?state__exact=failed&before={middle}",
        "sent, of the last 7 days": f"{LOG}?state__exact=sent&when=week",
        "of one template": f"{LOG}?template={templates[0].code}",
        "errcode 43004": f"{LOG}?errcode=43004",
        "errcode that never came": f"{LOG}?errcode=40037",
        "search: message id": f"{LOG}?q={row.pk.hex}",
        "search: your user id": f"{LOG}?q=u-777",
        "search: OpenID": f"{LOG}?q={openid(777)}",
        "search: msgid": f"{LOG}?q={row.msgid}",
        "search: nothing found": f"{LOG}?q=nobody",
        "one message": f"{LOG}{row.pk}/change/",
    }


def stock_changelist(user: User) -> Callable[[], HttpResponse]:
    """The same columns in Django's own ModelAdmin: it counts, and pages by OFFSET."""

    class Stock(admin.ModelAdmin):  # type: ignore[type-arg]
        list_display = ("created_at", "state", "version", "recipient", "errcode", "priority")
        list_filter = ("state",)
        list_select_related = ("version__template", "recipient")
        list_per_page = 50

    page = Stock(Message, admin.AdminSite())

    def get() -> HttpResponse:
        request = RequestFactory().get(LOG)
        request.user = user
        change_list = page.get_changelist_instance(request)
        assert len(change_list.result_list) == 50
        return HttpResponse()

    return get


def seconds(call: Callable[[], HttpResponse], rounds: int = ROUNDS) -> tuple[float, float]:
    """Median and p95, in milliseconds."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        assert call().status_code == 200
        taken.append((time.perf_counter() - started) * 1000)
    taken.sort()
    return taken[len(taken) // 2], taken[int(len(taken) * 0.95)]


def main() -> None:
    count = int(float(sys.argv[1] if len(sys.argv) > 1 else 10) * 1_000_000)
    environment.migrate()
    templates = fill(count)
    fill_counts(templates)
    user = User.objects.create_superuser("root")
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(user)
    print(
        f"{count:,} messages",
        "",
        "| page | median ms | p95 ms |",
        "| --- | ---: | ---: |",
        sep="\n",
    )
    for name, address in pages(templates).items():
        client.get(address)
        median, p95 = seconds(lambda at=address: client.get(at))  # type: ignore[misc]
        print(f"| {name} | {median:.0f} | {p95:.0f} |", flush=True)
    median, p95 = seconds(stock_changelist(user), 3)
    print(f"| Django's own changelist, first page | {median:.0f} | {p95:.0f} |")


if __name__ == "__main__":
    main()
