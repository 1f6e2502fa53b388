"""What the campaigns' endpoints take."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import msgspec
from django.conf import settings
from django.utils import timezone
from msgspec import Meta, Struct

from notifier.api.bodies import LATEST, Moment, Short, unstorable
from notifier.api.decoding import NO_NUL
from notifier.api.errors import InvalidRequest
from notifier.intake.errors import Fault
from notifier.models import Audience, RecipientGroup, Segment, WeChatTag

Share = Annotated[float, Meta(ge=0, le=100)]
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=NO_NUL)]
Positive = Annotated[int, Meta(ge=1, le=100_000)]


class AudienceBody(Struct, forbid_unknown_fields=True):
    """Exactly one of them; names, as operators see them. `rows`: they are uploaded next."""

    segment: Name | None = None
    group: Name | None = None
    tag: Name | None = None
    rows: bool = False


class Settings(Struct, forbid_unknown_fields=True):
    """What a replay may have of its own, too."""

    name: Name
    send_at: Moment | None = None
    zone: str | None = None
    pace: Positive | None = None
    canary_percent: Annotated[int, Meta(ge=0, le=50)] = 1
    canary_minutes: Annotated[int, Meta(ge=1, le=1440)] = 10
    most_failed: Share = 5
    most_refused: Share = 5
    most_blocked: Share = 5

    def columns(self) -> dict[str, Any]:
        """Raises InvalidRequest."""
        zone = self.zone or settings.TIME_ZONE
        if zone not in available_timezones():
            raise wrong("/zone", "No time zone such as Asia/Shanghai.")
        if self.send_at and not timezone.now() <= self.send_at <= LATEST:
            raise wrong("/send_at", "It must lie in the future.")
        return {
            "name": self.name,
            "send_at": self.send_at and self.send_at.astimezone(UTC),
            "zone": zone,
            "pace": self.pace,
            "canary_percent": self.canary_percent,
            "canary_minutes": self.canary_minutes,
        } | {
            name: Decimal(str(getattr(self, name))).quantize(Decimal("0.1"))
            for name in ("most_failed", "most_refused", "most_blocked")
        }


class CampaignBody(Settings, kw_only=True, forbid_unknown_fields=True):
    """POST /campaigns"""

    template: Short
    data: dict[str, str] = {}
    audience: AudienceBody
    priority: Literal["normal", "bulk"] = "bulk"

    def chosen(self, account_id: int) -> dict[str, Any]:
        """The audience's columns. Raises InvalidRequest."""
        if faults := [*unstorable(self.data, "/data")]:
            raise InvalidRequest(faults, status=422)
        given = {name for name in _KINDS if getattr(self.audience, name)}
        if len(given) + self.audience.rows != 1:
            raise wrong("/audience", "Give one of segment, group, tag and rows.", "one_of")
        if self.audience.rows:
            return {"audience": Audience.UPLOAD}
        kind = given.pop()
        name = getattr(self.audience, kind)
        row = _KINDS[kind].objects.filter(account=account_id, name=name).first()
        if row is None:
            text = f"The template's account has no {kind} {name!r}."
            raise wrong(f"/audience/{kind}", text, "unknown_audience")
        return {"audience": kind, kind: row}


_KINDS: dict[str, Any] = {"segment": Segment, "group": RecipientGroup, "tag": WeChatTag}


class DecideBody(Struct, forbid_unknown_fields=True):
    """POST /campaigns/{id}/launch and /approve: `checked_at` as the campaign shows it."""

    checked_at: Moment


class ReplayBody(Settings, kw_only=True, forbid_unknown_fields=True):
    """POST /campaigns/{id}/replay: of whom it did not reach, those with these results."""

    status: list[Literal["failed", "expired", "cancelled", "undelivered"]] = []
    errcode: list[int] = []


class RowOfAudience(Struct, forbid_unknown_fields=True):
    """A line of PUT /campaigns/{id}/rows."""

    openid: Short | None = None
    user: Short | None = None
    phone: Short | None = None
    unionid: Short | None = None
    data: dict[str, str | int | float] = {}


decode_campaign = msgspec.json.Decoder(CampaignBody).decode
decode_decision = msgspec.json.Decoder(DecideBody).decode
decode_replay = msgspec.json.Decoder(ReplayBody).decode
decode_row = msgspec.json.Decoder(RowOfAudience).decode


def wrong(pointer: str, text: str, code: str = "invalid_value") -> InvalidRequest:
    return InvalidRequest([Fault(pointer, code, text)], status=422)


def moment_text(moment: datetime | None) -> str | None:
    """With microseconds: a check is named by it."""
    return moment.astimezone(UTC).isoformat() if moment else None
