"""hongyan accounts: the official accounts, and who may be reached through them."""

from argparse import ArgumentParser
from typing import Any

from django.db.models import Count, Q

from notifier.console.terminal import Exit, Terminal
from notifier.models import RecipientState
from templates_app.models import OfficialAccount

HELP = "lists the official accounts"
COLUMNS = ("short name", "name", "AppID", "active", "templates", "followers", "callback")


def add_arguments(parser: ArgumentParser) -> None:
    """None of its own."""


def run(terminal: Terminal, **_options: Any) -> Exit:
    follows = Q(recipients__state=RecipientState.FOLLOWING)
    rows = OfficialAccount.objects.annotate(
        published=Count("templates", Q(templates__published__isnull=False), distinct=True)
    )
    followers = dict(
        OfficialAccount.objects.order_by()
        .annotate(count=Count("recipients", follows))
        .values_list("pk", "count")
    )
    found = [
        {
            "account": row["slug"],
            "name": row["name"],
            "appid": row["appid"],
            "active": row["is_active"],
            "templates": row["published"],
            "followers": followers[row["pk"]],
            "callback_mode": row["callback_mode"],
        }
        for row in rows.order_by("slug").values(
            "pk", "slug", "name", "appid", "is_active", "published", "callback_mode"
        )
    ]
    if terminal.as_json:
        terminal.json({"accounts": found})
    else:
        shown = [{**one, "active": "yes" if one["active"] else "no"} for one in found]
        terminal.table("Official accounts", COLUMNS, [list(one.values()) for one in shown])
    return Exit.OK
