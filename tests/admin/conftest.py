"""People of the admin: who may everything, who may some things, and who looks from outside."""

import itertools
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from templates_app.models import OfficialAccount
from tests import builders

_numbers = itertools.count(1)
SECRETS = {
    "app_secret": "5ec2e7" * 5 + "ab",
    "callback_token": "SecretCallbackToken",
    "encoding_aes_key": "SecretAesKey" + "k" * 31,
    "previous_aes_key": "OldSecretAesKey" + "o" * 28,
}

WEBHOOK_SECRET = "whsec_" + "S3cretWebh00k" * 3

StaffMaker = Callable[..., Client]


def _logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def root(db: None) -> Client:
    """Logged in as somebody who may do everything."""
    return _logged_in(User.objects.create_superuser(f"root-{next(_numbers)}"))


@pytest.fixture
def staff(db: None) -> StaffMaker:
    """staff("notifier.view_message", ...): logged in as somebody who may do just that."""

    def make(*permissions: str, is_staff: bool = True) -> Client:
        user = User.objects.create_user(f"staff-{next(_numbers)}", is_staff=is_staff)
        for name in permissions:
            app, _, codename = name.partition(".")
            user.user_permissions.add(
                Permission.objects.get(content_type__app_label=app, codename=codename)
            )
        return _logged_in(user)

    return make


@pytest.fixture
def account(db: None) -> OfficialAccount:
    return builders.make_account(**SECRETS, callback_mode="safe")
