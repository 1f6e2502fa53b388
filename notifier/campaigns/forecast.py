"""When a campaign ends, as far as one can tell."""

import math
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from redis import RedisError

from notifier.dispatch import gate
from notifier.dispatch.gate import Limits
from notifier.dispatch.retry import china_day, next_midnight_in_china
from notifier.models import Campaign, CampaignState

SECONDS_OF_DAY = 24 * 3600
GUESS = 100.0
"""Messages a second, where no limit is set and no earlier campaign of the account shows it."""

TELLING = 500


@dataclass(frozen=True, slots=True)
class Forecast:
    """`ends_at` None: nothing says when. `quota_left`: messages of today's quota that a campaign
    may use; None: it is not counted, or Redis is away."""

    remaining: int
    per_second: float
    quota_left: int | None
    days: int
    """On so many days it is sent, as the quota is."""
    ends_at: datetime | None


def forecast(campaign: Campaign, now: datetime) -> Forecast:
    under_way = sum(campaign.figures.get(state, 0) for state in ("queued", "sending"))
    made = sum(campaign.figures.values())
    remaining = max(campaign.ready - campaign.refused - made, 0) + under_way
    limits = Limits.of(campaign.account)
    left = _quota_left(campaign, limits, now)
    speed = _speed(campaign)
    begins = max(now, campaign.send_at or now)
    a_day = min(max(limits.daily - limits.reserve, 0), int(SECONDS_OF_DAY * speed))
    if left is not None and china_day(begins) != china_day(now):
        left = a_day  # today's is no matter of its
    if left is None or remaining <= left:
        return Forecast(remaining, speed, left, 1, begins + timedelta(seconds=remaining / speed))
    if a_day <= 0:
        return Forecast(remaining, speed, left, 0, None)
    days = math.ceil((remaining - left) / a_day)
    last = remaining - left - (days - 1) * a_day
    resumes = next_midnight_in_china(begins) + timedelta(days=days - 1)
    return Forecast(
        remaining, speed, left, days + bool(left), resumes + timedelta(seconds=last / speed)
    )


def _quota_left(campaign: Campaign, limits: Limits, now: datetime) -> int | None:
    if not limits.daily:
        return None
    with suppress(RedisError):
        used = gate.condition(campaign.account, now).sent_today
        return max(limits.daily - limits.reserve - used, 0)
    return None


def _speed(campaign: Campaign) -> float:
    if campaign.started_at and campaign.per_second > 0.1:
        return campaign.per_second
    known = [campaign.pace, campaign.account.max_per_second, _shown(campaign)]
    return min([float(one) for one in known if one], default=GUESS)


def _shown(campaign: Campaign) -> float | None:
    """By the account's last campaign; one of few messages shows nothing."""
    done = Campaign.objects.filter(
        account=campaign.account_id, state=CampaignState.DONE, fed__gte=TELLING, per_second__gt=1
    )
    return done.order_by("-pk").values_list("per_second", flat=True).first()
