"""What a phone and we know in common is stored encrypted, and goes along when keys are changed."""

import base64
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from notifier import migrations
from notifier.access import second_factor
from notifier.models import Authenticator
from tests.access.conftest import FACTOR, code_of, log_in, next_code, with_factor

TABLE = Authenticator._meta.db_table
OLD_TABLE = "otp_totp_totpdevice"


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT key FROM {TABLE}")  # noqa: S608 - our own name
        return str(cursor.fetchone()[0])


def test_the_database_holds_no_key(user: User, settings: Any) -> None:
    with_factor(user)
    key = Authenticator.objects.get().key
    assert key not in stored()
    assert Fernet(settings.FIELD_ENCRYPTION_KEYS[0]).decrypt(stored()).decode() == key


def test_a_rotation_takes_it_along(user: User, settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [old]
    with_factor(user)
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    out = StringIO()
    call_command("rotate_encryption", stdout=out)
    assert "notifier.Authenticator: 1 rows, key" in out.getvalue()
    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert log_in(user).post(FACTOR, {"code": next_code(user)}).status_code == 302


def test_a_phone_whose_clock_is_wrong_is_followed(user: User) -> None:
    key = second_factor.new_key()
    device = Authenticator.objects.create(user=user, name="app", key=key)
    assert device.verify_token(code_of(key, -1))
    device.refresh_from_db()
    assert device.drift == -1
    assert not device.verify_token(code_of(key, -1))
    assert not device.verify_token(code_of(key, 2))
    assert not device.verify_token("abcdef")


def test_the_picture_holds_what_apps_read(user: User) -> None:
    key = second_factor.new_key()
    address = urlsplit(second_factor.address_of(user, key))
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert address.path == f"/Hongyan%3A{user.username}"
    given = parse_qs(address.query)
    assert base64.b32decode(given["secret"][0]).hex() == key
    assert given["issuer"] == ["Hongyan"]


@pytest.mark.parametrize("count", [0, 1])
def test_who_had_one_before_keeps_it(user: User, count: int) -> None:
    """The table that django-otp's own app made, in an installation of before."""
    key = second_factor.new_key()
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {OLD_TABLE} (id integer, user_id bigint, name varchar(64), "
            "confirmed bool, key varchar(80), step integer, t0 bigint, digits integer, "
            "tolerance integer, drift integer, last_t bigint)"
        )
        for _ in range(count):
            cursor.execute(
                f"INSERT INTO {OLD_TABLE} VALUES (1, %s, 'app', true, %s, 30, 0, 6, 1, 0, 7)",  # noqa: S608
                [user.pk, key],
            )
    take_over()
    assert OLD_TABLE not in connection.introspection.table_names()
    assert Authenticator.objects.count() == count
    if count:
        assert key not in stored()
        assert Authenticator.objects.get().last_t == 7
        assert log_in(user).post(FACTOR, {"code": code_of(key)}).status_code == 302


def test_where_there_was_no_such_table_nothing_happens(db: None) -> None:
    take_over()
    assert not Authenticator.objects.exists()


def take_over() -> None:
    (file,) = Path(str(migrations.__path__[0])).glob("*_test_recipients_and_authenticators.py")
    editor = SimpleNamespace(connection=connection)
    import_module(f"notifier.migrations.{file.stem}").take_over(apps, editor)
