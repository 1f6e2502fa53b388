"""The roles' permissions are the table's, whatever somebody did to them; own groups are let be."""

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from notifier import migrations
from notifier.access import roles
from notifier.access.roles import ROLES


def held_by(name: str) -> set[str]:
    rows = Permission.objects.filter(group__name=name)
    return {
        f"{app}.{code}" for app, code in rows.values_list("content_type__app_label", "codename")
    }


def permission(codename: str) -> Permission:
    kind = ContentType.objects.get(app_label="templates_app", model="templateversion")
    return Permission.objects.get_or_create(
        content_type=kind, codename=codename, defaults={"name": codename}
    )[0]


def test_migrating_has_made_them(db: None) -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(ROLES)
    assert "notifier.repair_message" in held_by("sender")
    assert "notifier.view_auditentry" in held_by("auditor")
    assert all(".view_" in name for name in held_by("auditor"))
    assert len(held_by("administrator")) == Permission.objects.count()


def test_a_permission_that_comes_later_is_given_where_the_table_says(db: None) -> None:
    permission("publish_templateversion")
    roles.keep()
    holders = [name for name in ROLES if "templates_app.publish_templateversion" in held_by(name)]
    assert holders == ["approver", "administrator"]


def test_what_somebody_changed_is_put_right_by_the_next_migration(db: None) -> None:
    auditor = Group.objects.get(name="auditor")
    was = held_by("auditor")
    auditor.permissions.remove(Permission.objects.get(codename="view_auditentry"))
    auditor.permissions.add(Permission.objects.get(codename="change_message"))
    Group.objects.get(name="sender").delete()
    roles.keep()
    assert held_by("auditor") == was
    assert "notifier.view_message" in held_by("sender")


def test_own_groups_are_left_alone(db: None) -> None:
    own = Group.objects.create(name="night shift")
    own.permissions.add(Permission.objects.get(codename="view_message"))
    roles.keep()
    assert held_by("night shift") == {"notifier.view_message"}


@pytest.mark.parametrize("taken", [[], ["sender (own)"]])
def test_an_own_group_of_a_roles_name_keeps_its_people_under_another(
    db: None, taken: list[str]
) -> None:
    Group.objects.all().delete()
    for name in [*taken, "sender"]:
        Group.objects.create(name=name)
    own = Group.objects.get(name="sender")
    own.permissions.add(Permission.objects.get(codename="add_user"))
    (file,) = Path(str(migrations.__path__[0])).glob("*_roles_and_login_failures.py")
    editor = SimpleNamespace(connection=connection)
    import_module(f"notifier.migrations.{file.stem}").make_room(apps, editor)
    roles.keep()
    own.refresh_from_db()
    assert own.name == ("sender (own 2)" if taken else "sender (own)")
    assert held_by(own.name) == {"auth.add_user"}
    assert "auth.add_user" not in held_by("sender")
