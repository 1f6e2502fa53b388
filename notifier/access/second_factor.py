"""The second factor: the code of an authenticator app (TOTP, RFC 6238), or one of ten recovery
codes, each good once. Of recovery codes only digests are stored, the app's key is encrypted."""

import base64
import re
import secrets
from binascii import unhexlify
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken

from notifier.access.roles import roles_of
from notifier.audit.record import record, recording
from notifier.models import Action, Authenticator

CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another


class Owed(StrEnum):
    """What a session still lacks."""

    NOTHING = ""
    CODE = "code"
    ENROLMENT = "enrolment"


def owed(user: Any) -> Owed:
    """`user` is a request's: django-otp's middleware has told whether its session is verified."""
    if user.is_verified():
        return Owed.NOTHING
    if has_one(user):
        return Owed.CODE
    return Owed.ENROLMENT if is_required(user) else Owed.NOTHING


def is_required(user: Any) -> bool:
    """By settings.SECOND_FACTOR_ROLES: names of groups, or * for everybody."""
    wanted = set(settings.SECOND_FACTOR_ROLES)
    return bool(wanted) and ("*" in wanted or bool(wanted & roles_of(user)))


def has_one(user: Any) -> bool:
    return bool(Authenticator.objects.filter(user_id=user.pk, confirmed=True).exists())


def codes_left(user: Any) -> int:
    return int(StaticToken.objects.filter(device__user_id=user.pk).count())


def new_key() -> str:
    """160 bits in hexadecimal, as RFC 4226 recommends."""
    return secrets.token_hex(20)


def key_to_type(key: str) -> str:
    """For who cannot scan: Base32 in groups of four."""
    text = base64.b32encode(unhexlify(key)).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def address_of(user: Any, key: str) -> str:
    """What the QR code holds: otpauth://totp/…"""
    return Authenticator(user=user, key=key).address


def enrol(user: Any, key: str, code: str) -> tuple[Any, list[str]] | None:
    """The device and its recovery codes, or None for a wrong code. Replaces an older one."""
    device = Authenticator(user_id=user.pk, name="app", key=key)
    if not device.fits(_plain(code)):
        return None
    with recording():
        _delete(user)
        device.save()
        codes = _new_codes(user)
        _record(Action.ENROL, user)
    return device, codes


def accepted(user: Any, code: str) -> Any | None:
    """The device that the code fits, or None. The row is locked: a code counts once."""
    given = _plain(code)
    is_recovery = len(given) > 8
    model = StaticDevice if is_recovery else Authenticator
    with transaction.atomic():
        devices = model.objects.select_for_update().filter(user_id=user.pk, confirmed=True)
        device = devices.first()
        fits = device and device.verify_token(_digest(given) if is_recovery else given)
    return device if fits else None


def renew_codes(user: Any) -> list[str]:
    with recording():
        StaticDevice.objects.filter(user_id=user.pk).delete()
        codes = _new_codes(user)
        _record(Action.RECOVERY_CODES, user)
    return codes


def remove(user: Any) -> bool:
    """Whether there was one."""
    with recording():
        there_was = has_one(user)
        _delete(user)
        if there_was:
            _record(Action.REMOVE_FACTOR, user)
    return there_was


def _delete(user: Any) -> None:
    for model in (Authenticator, StaticDevice):
        model.objects.filter(user_id=user.pk).delete()


def _new_codes(user: Any) -> list[str]:
    letters = ["".join(secrets.choice(_LETTERS) for _ in range(10)) for _ in range(CODES)]
    device = StaticDevice.objects.create(user_id=user.pk, name="recovery")
    StaticToken.objects.bulk_create(
        StaticToken(device=device, token=_digest(one)) for one in letters
    )
    return [f"{one[:5]}-{one[5:]}" for one in letters]


def _plain(code: str) -> str:
    return re.sub(r"[\s-]", "", code).lower()


def _digest(code: str) -> str:
    """16 characters, as many as the column takes: 96 bits."""
    digest = salted_hmac("hongyan.recovery", code, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest[:12]).decode()


def _record(action: Action, user: Any) -> None:
    record(
        action,
        object_type=user._meta.label_lower,
        object_id=user.pk,
        object_name=user.get_username(),
    )
