"""Recipients, groups and segments at a million people, on PostgreSQL: how long each page takes.

python -m tests.benchmarks.people [PEOPLE]: makes the rows first (about a minute for a million).
"""

import sys
from datetime import timedelta

from tests.benchmarks import environment  # isort: skip - starts the services first
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from notifier.models import RecipientGroup, Segment, WeChatTag
from tests import builders
from tests.benchmarks.growth import tune
from tests.benchmarks.log import seconds

GROUPS = 20
FILL = """
INSERT INTO notifier_recipient (account_id, openid, user_id, name, email, phone_hash, phone_shown,
  unionid, state, followed_at, created_at)
SELECT %s, 'o' || lpad(n::text, 27, '0'), 'u-' || n, '李雷', CASE WHEN n %% 3 = 0 THEN '' ELSE
  'u' || n || '@example.com' END, '', '', '', CASE WHEN n %% 10 = 0 THEN 'unfollowed' ELSE
  'following' END, now() - n * interval '20 seconds', now()
FROM generate_series(1, %s) n
"""
JOIN = """
INSERT INTO {table} (recipient_id, {column})
SELECT id, %s FROM notifier_recipient WHERE id %% %s = 0
"""


def fill(people: int) -> tuple[list[RecipientGroup], WeChatTag, int]:
    """One group of everybody, and twenty of a twentieth each; a tag of a tenth."""
    account = builders.make_account()
    names = ["所有人", *(f"组{number}" for number in range(GROUPS))]
    groups = [RecipientGroup.objects.create(account=account, name=name) for name in names]
    tag = WeChatTag.objects.create(account=account, wechat_id=100, name="星标")
    joins = [("groups", "recipientgroup_id", one.pk, GROUPS) for one in groups[1:]]
    joins += [
        ("groups", "recipientgroup_id", groups[0].pk, 1),
        ("tags", "wechattag_id", tag.pk, 10),
    ]
    with connection.cursor() as cursor:
        cursor.execute(FILL, [account.pk, people])
        for name, column, pk, share in joins:
            statement = JOIN.format(table=f"notifier_recipient_{name}", column=column)
            cursor.execute(statement, [pk, share])
            print(f"{name} {pk}: {cursor.rowcount:,}", file=sys.stderr, flush=True)
        for table in ("", "_groups", "_tags"):
            cursor.execute(f"VACUUM ANALYZE notifier_recipient{table}")
    return groups, tag, account.pk


def pages(groups: list[RecipientGroup], tag: WeChatTag, account: int) -> dict[str, str]:
    saved = Segment.objects.create(account_id=account, name="全部")
    ids = "&".join(f"id={one.pk}" for one in groups)
    since = (timezone.now() - timedelta(days=30)).date()
    count = f"/admin/notifier/segment/count/?account={account}"
    return {
        "groups": "/admin/notifier/recipientgroup/",
        "groups: their members": f"/admin/notifier/recipientgroup/members/?{ids}",
        "segments": "/admin/notifier/segment/",
        "a segment": f"/admin/notifier/segment/{saved.pk}/change/",
        "count: all": count,
        "count: following": f"{count}&state=following",
        "count: the group of all": f"{count}&group={groups[0].pk}",
        "count: following, of a small group": f"{count}&state=following&group={groups[1].pk}",
        "count: following, with a tag": f"{count}&state=following&tag={tag.pk}",
        "count: a group and a tag": f"{count}&group={groups[0].pk}&tag={tag.pk}",
        "count: since a day": f"{count}&state=following&followed_from={since}",
        "count: with e-mail": f"{count}&state=following&email=yes",
        "recipients": "/admin/notifier/recipient/",
        "recipients of a group": f"/admin/notifier/recipient/?groups__id__exact={groups[1].pk}",
        "recipients who have left": "/admin/notifier/recipient/?state__exact=unfollowed",
        "search: your user id": "/admin/notifier/recipient/?q=u-777",
    }


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    environment.migrate()
    tune()
    asked = pages(*fill(people))
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(User.objects.create_superuser("root"))
    print(f"{people:,} recipients", "", "| page | median ms | p95 ms |", sep="\n")
    print("| --- | ---: | ---: |")
    for name, address in asked.items():
        client.get(address)
        median, p95 = seconds(lambda at=address: client.get(at), 10)  # type: ignore[misc]
        print(f"| {name} | {median:.0f} | {p95:.0f} |", flush=True)


if __name__ == "__main__":
    main()
