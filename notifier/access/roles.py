"""The roles: groups whose permissions are this table, and nobody's choice. `manage.py migrate`
makes them so each time; operators' own groups are left alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from django.apps import apps as all_apps
from django.contrib.auth.models import Permission
from django.utils.translation import gettext_noop


@dataclass(frozen=True, slots=True)
class Role:
    """`grants`: patterns of app.codename. One that fits nothing yet is no mistake: the permission
    may come with a later migration."""

    title: str
    may: str
    grants: tuple[str, ...]


ROLES: dict[str, Role] = {
    "author": Role(
        gettext_noop("Author"),
        gettext_noop(
            "syncs templates from WeChat, writes their versions, keeps recipients, sends tests"
        ),
        (
            "templates_app.view_*",
            "templates_app.sync_officialaccount",
            "templates_app.add_messagetemplate",
            "templates_app.change_messagetemplate",
            "templates_app.add_templateversion",
            "templates_app.change_templateversion",
            "templates_app.delete_templateversion",
            "templates_app.change_templatefield",
            "notifier.view_recipient",
            "notifier.add_recipient",
            "notifier.change_recipient",
            "notifier.view_suppression",
            "notifier.add_message",
        ),
    ),
    "approver": Role(
        gettext_noop("Approver"),
        gettext_noop("approves versions and campaigns that others wrote, releases held templates"),
        (
            "templates_app.view_*",
            "templates_app.publish_templateversion",
            "notifier.view_campaign",
            "notifier.approve_campaign",
        ),
    ),
    "sender": Role(
        gettext_noop("Sender"),
        gettext_noop(
            "runs campaigns, watches and repairs messages and webhooks, sends tests, imports and "
            "exports recipients"
        ),
        (
            "templates_app.view_*",
            "notifier.view_message",
            "notifier.add_message",
            "notifier.repair_message",
            "notifier.view_recipient*",
            "notifier.add_recipient*",
            "notifier.change_recipient*",
            "notifier.delete_recipientgroup",
            "notifier.import_recipient*",
            "notifier.export_recipient*",
            "notifier.view_suppression",
            "notifier.view_schedule",
            "notifier.change_schedule",
            "notifier.add_campaign",
            "notifier.change_campaign",
            "notifier.view_campaign",
            "notifier.run_campaign",
            "notifier.*_followersync",
            "notifier.*_segment",
            "notifier.view_wechattag",
            "notifier.view_anomaly",
            "notifier.*_silence",
            "notifier.view_webhookdelivery",
            "notifier.replay_webhookdelivery",
        ),
    ),
    "auditor": Role(
        gettext_noop("Auditor"),
        gettext_noop("sees everything, the audit trail too, and changes nothing"),
        ("*.view_*",),
    ),
    "administrator": Role(
        gettext_noop("Administrator"), gettext_noop("may do everything"), ("*.*",)
    ),
}


def granted(name: str, permission: str) -> bool:
    return any(fnmatchcase(permission, pattern) for pattern in ROLES[name].grants)


def keep(using: str = "default", apps: Any = all_apps, **_kwargs: Any) -> None:
    """After each migration: makes the roles that are missing, and their permissions as the table
    says. With the models of that migration's time: it can run in the middle of a history."""
    if not _has_come(apps):
        return
    group, permission = apps.get_model("auth.Group"), apps.get_model("auth.Permission")
    known = {f"{app}.{code}": pk for app, code, pk in _permissions(permission, using)}
    through = group.permissions.through.objects.using(using)
    for name in ROLES:
        role, _made = group.objects.using(using).get_or_create(name=name)
        wanted = {pk for full, pk in known.items() if granted(name, full)}
        has = set(through.filter(group_id=role.pk).values_list("permission_id", flat=True))
        through.filter(group_id=role.pk, permission_id__in=has - wanted).delete()
        through.bulk_create(
            through.model(group_id=role.pk, permission_id=pk) for pk in sorted(wanted - has)
        )


def _has_come(apps: Any) -> bool:
    """Before the migration that makes room for the roles, their names are operators'."""
    try:
        apps.get_model("notifier.LoginFailures")
    except LookupError:
        return False
    return True


def _permissions(permission: type[Permission], using: str) -> Iterator[tuple[str, str, int]]:
    names = ("content_type__app_label", "codename", "pk")
    yield from permission.objects.using(using).order_by().values_list(*names)


def roles_of(user: Any) -> set[str]:
    """The groups that somebody is in, by name; who may everything is an administrator."""
    names = set(user.groups.values_list("name", flat=True))
    return names | {"administrator"} if user.is_superuser else names
