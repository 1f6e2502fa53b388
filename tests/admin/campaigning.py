"""A campaign's pages as a browser sends and reads them."""

from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from tests.admin.browsing import html

LIST = "/admin/notifier/campaign/"


def someone(*roles):
    name = "-".join(roles) or "root"
    user, made = User.objects.get_or_create(username=name, is_staff=True, is_superuser=not roles)
    if made:
        user.groups.set(Group.objects.filter(name__in=roles))
    client = Client()
    client.force_login(user)
    return client


def form(template, **values):
    """What the browser sends; variables by number, in the order of the template."""
    return {
        "shown_version": template.published_id,
        "name": "双十一",
        "value_0": "A-1",
        "value_1": "云南白茶",
        "value_2": "2026-11-24 10:00",
        "audience": "group",
        "zone": "Asia/Shanghai",
        "send_at": "",
        "priority": "2",
        "pace": "",
        "canary_percent": "1",
        "canary_minutes": "10",
        "most_failed": "5",
        "most_refused": "5",
        "most_blocked": "5",
        **values,
    }


def add(client, template, **values):
    return client.post(f"{LIST}add/?template={template.pk}", form(template, **values))


def page(client, campaign):
    return html(client.get(f"{LIST}{campaign.pk}/change/"))


def do(client, campaign, name):
    """As from a page that showed `campaign` as it is in the test."""
    seen = {"checked_at": campaign.checked_at.isoformat()} if campaign.checked_at else {}
    answer = client.post(reverse("admin:campaign-do", args=[campaign.pk, name]), seen)
    campaign.refresh_from_db()
    return answer
