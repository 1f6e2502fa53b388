"""The RQ job of a pre-flight."""

import logging
from typing import Any

from django.db import close_old_connections
from django.utils.translation import gettext_noop

from notifier.campaigns.preflight import check
from notifier.campaigns.states import check_flag
from notifier.dispatch.lanes import clear
from notifier.intake.errors import Rejected
from notifier.models import Campaign, CampaignState
from notifier.models.away import AWAY
from notifier.recipients.claims import ATTEMPTS, Claim, Lost, Stopping
from notifier.recipients.imports.problems import Unreadable

log = logging.getLogger(__name__)

GONE = gettext_noop("The file is no longer there. Upload it again.")
BROKEN = gettext_noop("The check was tried %(times)d times and failed (%(what)s).")


def check_audience(pk: int) -> None:
    close_old_connections()
    clear(check_flag(pk))
    try:
        claim = Claim(Campaign, pk, [CampaignState.CHECKING])
    except Lost:
        return
    if claim.row.attempts > ATTEMPTS:  # whoever worked on it died, each time
        return _give_up(claim, BROKEN, times=ATTEMPTS, what="-")
    try:
        check(claim)
    except (Lost, Stopping):
        claim.release()
    except Unreadable as error:
        _give_up(claim, error.text, **error.params)
    except Rejected as rejected:
        _give_up(claim, rejected.faults[0].message, **rejected.faults[0].params)
    except FileNotFoundError:
        _give_up(claim, GONE)
    except AWAY:
        raise  # it is away: after the lease another one goes on
    except Exception as error:
        _failed(claim, error)


def _failed(claim: Claim[Campaign], error: Exception) -> None:
    # Not the exception's text: it may quote a row of the file.
    log.error("check of campaign %d failed (%s)", claim.row.pk, type(error).__name__)
    if claim.row.attempts >= ATTEMPTS:
        _give_up(claim, BROKEN, times=ATTEMPTS, what=type(error).__name__)


def _give_up(claim: Claim[Campaign], text: str, **params: Any) -> None:
    try:
        claim.keep(state=CampaignState.DRAFT, reason=[text, params])
    except Lost:
        return
