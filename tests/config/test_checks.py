"""System checks: each fires with its id and a hint, and is silent when all is well."""

from ipaddress import ip_network

import pytest
from django.conf import settings as ours
from django.contrib.auth.models import Group
from django.core.checks import run_checks

PICKLING_QUEUES = {"normal": {"URL": "redis://x"}}
PICKLING_CACHE = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://x"}}


def fired():
    ids = {one.id: one for one in run_checks(include_deployment_checks=True)}
    return {name: one for name, one in ids.items() if str(name).startswith("hongyan.")}


def test_the_settings_of_this_project_pass(settings):
    settings.HONGYAN_DEMO = False
    assert set(fired()) <= {"hongyan.W003", "hongyan.W004"}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("E001", {"FIELD_ENCRYPTION_KEYS": ["not-a-key"]}),
        ("E001", {"FIELD_ENCRYPTION_KEYS": []}),
        ("E002", {"RQ_QUEUES": PICKLING_QUEUES}),
        ("E003", {"CACHES": PICKLING_CACHE}),
        ("E004", {"DISPATCH_LEASE_SECONDS": 4}),
        ("E005", {"DISPATCH_LEASE_SECONDS": 301}),
        ("E006", {"HONGYAN_DEMO": True}),
        ("W006", {"ANOMALY_EMAILS": ["li@example.com"], "HAS_MAIL_SERVER": False}),
        ("W005", {"WEBHOOK_ALLOWED_NETWORKS": [ip_network("0.0.0.0/0")]}),
        ("W001", {"DEBUG": True, "HONGYAN_DEMO": False}),
        ("W002", {"ALLOWED_HOSTS": ["*"]}),
    ],
)
def test_what_is_unsafe_is_told(settings, name, change):
    for setting, value in change.items():
        setattr(settings, setting, value)
    message = fired()[f"hongyan.{name}"]
    assert message.hint


def test_sqlite_in_production_is_told(monkeypatch):
    monkeypatch.setitem(ours.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    assert "hongyan.W003" in fired()


def test_a_wrong_encryption_key_is_not_shown(settings):
    settings.FIELD_ENCRYPTION_KEYS = ["5ecret!"]
    assert "5ecret!" not in str(fired()["hongyan.E001"])


@pytest.mark.parametrize("names", [["administrator", "sender"], ["*"], ["night shift"], []])
def test_roles_and_groups_of_ones_own_can_need_a_second_factor(db, settings, names):
    Group.objects.create(name="night shift")
    settings.SECOND_FACTOR_ROLES = names
    assert "hongyan.E008" not in fired()


def test_a_misspelt_role_is_told_with_those_there_are(db, settings):
    settings.SECOND_FACTOR_ROLES = ["administrator", "Sender"]
    told = fired()["hongyan.E008"]
    assert "'Sender'" in told.msg
    assert "author, approver, sender" in told.hint
