"""Secrets at rest: what the database holds, and how keys are changed."""

import traceback
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection

from templates_app.models import OfficialAccount
from tests import builders

SECRET = "5ec2e7-app-secret"
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def account(db, settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    return builders.make_account(app_secret=SECRET, callback_token="", encoding_aes_key="k" * 43)


def stored(column):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {OfficialAccount._meta.db_table}")  # noqa: S608
        return cursor.fetchone()[0]


def test_the_database_holds_no_secret(account):
    assert SECRET not in stored("app_secret")
    assert "kkk" not in stored("encoding_aes_key")
    assert Fernet(OLD).decrypt(stored("app_secret")).decode() == SECRET
    assert OfficialAccount.objects.get().app_secret == SECRET


def test_the_same_secret_is_stored_differently_each_time(account):
    before = stored("app_secret")
    account.save()
    assert stored("app_secret") != before


def test_an_empty_secret_stays_empty(account):
    assert stored("callback_token") == OfficialAccount.objects.get().callback_token == ""


def test_both_keys_are_understood_during_a_change(account, settings):
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    assert OfficialAccount.objects.get().app_secret == SECRET


def test_after_the_rotation_the_old_key_can_go(account, settings, capsys):
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    call_command("rotate_encryption")
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    found = OfficialAccount.objects.get()
    assert (found.app_secret, found.encoding_aes_key) == (SECRET, "k" * 43)
    assert SECRET not in capsys.readouterr().out


def test_a_rotation_changes_nothing_else(account, settings):
    before = OfficialAccount.objects.values("updated_at", "appid", "callback_mode").get()
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    call_command("rotate_encryption", stdout=StringIO())
    assert OfficialAccount.objects.values("updated_at", "appid", "callback_mode").get() == before


def test_without_its_key_a_secret_is_refused_by_name(account, settings):
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    with pytest.raises(ImproperlyConfigured) as refused:
        OfficialAccount.objects.get()
    said = "".join(traceback.format_exception(refused.value))
    assert "OfficialAccount.app_secret cannot be decrypted" in said
    assert SECRET not in said
    assert OLD not in said
    assert NEW not in said


def test_an_account_is_found_without_its_secrets(account, settings):
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert OfficialAccount.objects.filter(app_secret=SECRET).count() == 0
    assert OfficialAccount.objects.only("slug").get().slug == account.slug
