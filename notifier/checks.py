"""System checks: what is unsafe in production or cannot work, each with an id and a hint."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from notifier.access.roles import ROLES
from notifier.audit.watched import undecided
from templates_app.encryption import fernet

register(undecided, Tags.models)


@register(Tags.security)
def configuration(**_kwargs: Any) -> list[CheckMessage]:
    return [*_encryption(), *_serializers(), *_lease(), *_debug(), *_roles()]


@register(Tags.security, deploy=True)
def production(**_kwargs: Any) -> list[CheckMessage]:
    """`manage.py check --deploy`"""
    return [*_demo(), *_hosts(), *_database(), *_second_factor(), *_webhooks(), *_mails()]


def _encryption() -> Iterator[CheckMessage]:
    try:
        fernet()
    except ImproperlyConfigured as error:
        yield Error(
            str(error),
            hint="Make one with: python -c 'from cryptography.fernet import Fernet; "
            "print(Fernet.generate_key().decode())'",
            id="hongyan.E001",
        )


def _serializers() -> Iterator[CheckMessage]:
    hint = "Use JSON: whoever can write to Redis can run code in the process that unpickles."
    for name, queue in settings.RQ_QUEUES.items():
        if "json" not in str(queue.get("SERIALIZER", "pickle")).lower():
            yield Error(f"RQ queue {name!r} would use pickle.", hint=hint, id="hongyan.E002")
    for name, cache in settings.CACHES.items():
        if "redis" in cache["BACKEND"] and "json" not in str(cache.get("OPTIONS")).lower():
            yield Error(f"Cache {name!r} would use pickle.", hint=hint, id="hongyan.E003")


def _lease() -> Iterator[CheckMessage]:
    call = settings.WECHAT_CONNECT_TIMEOUT + settings.WECHAT_READ_TIMEOUT
    if call + 2 >= settings.DISPATCH_LEASE_SECONDS:
        yield Error(
            "DISPATCH_LEASE_SECONDS is not longer than one call to WeChat: nothing would be sent.",
            hint=f"Set it above {call + 2:g} (WECHAT_CONNECT_TIMEOUT + WECHAT_READ_TIMEOUT + 2), "
            "or shorten the time-outs.",
            id="hongyan.E004",
        )
    if settings.DISPATCH_LEASE_SECONDS > 300:
        yield Error(
            "DISPATCH_LEASE_SECONDS is above 300: a crashed worker's messages could not be "
            "repeated within WeChat's 10-minute guard against doubles.",
            hint="Set it to 60.",
            id="hongyan.E005",
        )


def _debug() -> Iterator[CheckMessage]:
    if settings.DEBUG and not settings.HONGYAN_DEMO:
        yield Warning(
            "DEBUG is on: error pages show settings and data.",
            hint="Unset DEBUG in production.",
            id="hongyan.W001",
        )


def _roles() -> Iterator[CheckMessage]:
    """A name that is misspelt would ask nobody for the second factor."""
    unknown = set(settings.SECOND_FACTOR_ROLES) - ROLES.keys() - {"*"}
    try:  # groups of one's own; before the first migration there is no table
        unknown -= set(Group.objects.filter(name__in=unknown).values_list("name", flat=True))
    except DatabaseError:
        return
    for name in sorted(unknown):
        yield Error(
            f"SECOND_FACTOR_ROLES names {name!r}, which is no role and no group: nobody is asked "
            "for a second factor because of it.",
            hint=f"The roles are {', '.join(ROLES)}; or name a group of your own, or * for all.",
            id="hongyan.E008",
        )


def _demo() -> Iterator[CheckMessage]:
    if settings.HONGYAN_DEMO:
        yield Error(
            "HONGYAN_DEMO is on: there is a login with a password kept in a file, and the "
            "simulator can be started.",
            hint="Unset HONGYAN_DEMO in production.",
            id="hongyan.E006",
        )


def _hosts() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Warning(
            "ALLOWED_HOSTS is '*'.",
            hint="Name the hosts that the platform is reached by.",
            id="hongyan.W002",
        )


def _database() -> Iterator[CheckMessage]:
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        yield Warning(
            "The database is SQLite: one process at a time can write.",
            hint="Set DATABASE_URL to a PostgreSQL database.",
            id="hongyan.W003",
        )


def _webhooks() -> Iterator[CheckMessage]:
    metadata = ip_address("169.254.169.254")
    if any(metadata in network for network in settings.WEBHOOK_ALLOWED_NETWORKS):
        yield Warning(
            "WEBHOOK_ALLOWED_NETWORKS holds 169.254.169.254: whoever may add a webhook could reach "
            "the cloud's metadata, which often tells credentials.",
            hint="Name only the networks that your services are in.",
            id="hongyan.W005",
        )


def _mails() -> Iterator[CheckMessage]:
    if settings.ANOMALY_EMAILS and not settings.HAS_MAIL_SERVER:
        yield Warning(
            "ANOMALY_EMAILS names people, but there is no mail server: they hear of nothing.",
            hint="Set EMAIL_URL, such as smtp+tls://user:password@host:587.",
            id="hongyan.W006",
        )


def _second_factor() -> Iterator[CheckMessage]:
    if not settings.SECOND_FACTOR_ROLES:
        yield Warning(
            "SECOND_FACTOR_ROLES is empty: a password alone opens every login.",
            hint="Name the roles that need a second factor: at least administrator; * for all.",
            id="hongyan.W004",
        )
