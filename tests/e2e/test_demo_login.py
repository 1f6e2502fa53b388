"""The demo's login: its own is kept over starts, and anybody else's is never touched."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from notifier.demo import credentials
from templates_app.models import OfficialAccount


def passwords_fit(demo: dict[str, object]) -> bool:
    return User.objects.get(username="admin").check_password(str(demo["password"]))


def test_the_login_is_kept_over_starts(db: None, tmp_path: Path) -> None:
    first = credentials.prepare(tmp_path, 8000, 8700)
    assert passwords_fit(first)
    assert credentials.prepare(tmp_path, 8000, 8700)["password"] == first["password"]


def test_a_forgotten_password_comes_back_in_the_demos_own_database(
    db: None, tmp_path: Path, settings: Any
) -> None:
    settings.DATABASE_IS_GIVEN = False
    demo = credentials.prepare(tmp_path, 8000, 8700)
    user = User.objects.get()
    user.set_password("forgotten")
    user.save()
    assert passwords_fit(credentials.prepare(tmp_path, 8000, 8700))
    assert passwords_fit(demo)


@pytest.mark.parametrize("given", [True, False])
def test_an_admin_that_the_demo_did_not_make_keeps_the_password(
    db: None, tmp_path: Path, settings: Any, given: bool
) -> None:
    settings.DATABASE_IS_GIVEN = given
    before = User.objects.create_superuser("admin", password="somebody's").password
    with pytest.raises(credentials.ForeignLogin, match="stays as it is"):
        credentials.prepare(tmp_path, 8000, 8700)
    assert User.objects.get().password == before
    assert not OfficialAccount.objects.exists()
    assert not (tmp_path / "demo.json").exists()


def test_the_password_of_one_database_is_not_given_to_another(
    db: None, tmp_path: Path, settings: Any
) -> None:
    settings.DATABASE_IS_GIVEN = True
    credentials.write(tmp_path / "demo.json", {"password": "of another database"})
    User.objects.create_superuser("admin", password="somebody's")
    with pytest.raises(credentials.ForeignLogin):
        credentials.prepare(tmp_path, 8000, 8700)
    assert User.objects.get().check_password("somebody's")
