"""People with a password, and with a phone that shows codes."""

import base64
import itertools
import time
from binascii import unhexlify

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django_otp.oath import TOTP

from notifier.access import second_factor
from notifier.models import Authenticator

PASSWORD = "a long enough password"
LOGIN, FACTOR = "/admin/login/", "/admin/second-factor/"
_numbers = itertools.count(1)


def make_user(*roles: str, **values: object) -> User:
    user = User.objects.create_user(
        f"person-{next(_numbers)}", password=PASSWORD, is_staff=True, **values
    )
    user.groups.set(Group.objects.filter(name__in=roles))
    return user


def log_in(user: User, client: Client | None = None) -> Client:
    """Through the login page, as people do."""
    client = client or Client()
    client.post(LOGIN, {"username": user.username, "password": PASSWORD})
    return client


def code_of(key: str, steps: int = 0) -> str:
    """What the phone shows now, or some steps of 30 seconds later."""
    totp = TOTP(unhexlify(key))
    totp.time = time.time() + 30 * steps
    return f"{totp.token():06d}"


def typed(key: str) -> str:
    return base64.b32decode(key.replace(" ", "")).hex()


def with_factor(user: User) -> list[str]:
    """Sets it up; returns the recovery codes. The code of now is used up by that."""
    key = second_factor.new_key()
    enrolled = second_factor.enrol(user, key, code_of(key))
    assert enrolled is not None
    return enrolled[1]


def next_code(user: User) -> str:
    return code_of(Authenticator.objects.get(user=user).key, 1)


@pytest.fixture
def user(db: None) -> User:
    return make_user("sender")
