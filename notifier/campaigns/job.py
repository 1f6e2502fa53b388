"""The RQ job of a pre-flight."""

from contextlib import suppress

from django.db import close_old_connections
from django.utils.translation import gettext_noop

from notifier.campaigns.preflight import check
from notifier.campaigns.states import check_flag
from notifier.dispatch.lanes import clear
from notifier.intake.errors import Rejected
from notifier.models import Campaign, CampaignState
from notifier.recipients.claims import Claim, Lost, Told, attempt
from notifier.recipients.imports.problems import Unreadable

GONE = gettext_noop("The file is no longer there. Upload it again.")
BROKEN = gettext_noop("The check was tried %(times)d times and failed (%(what)s).")


def check_audience(pk: int) -> None:
    close_old_connections()
    clear(check_flag(pk))
    with suppress(Lost):
        claim = Claim(Campaign, pk, [CampaignState.CHECKING])
        attempt(claim, check, _fault_of, _give_up, BROKEN)


def _fault_of(error: Exception) -> Told | None:
    if isinstance(error, Unreadable):
        return error.text, error.params
    if isinstance(error, Rejected):
        return error.faults[0].message, error.faults[0].params
    return (GONE, {}) if isinstance(error, FileNotFoundError) else None


def _give_up(claim: Claim[Campaign], why: Told, _is_broken: bool) -> None:
    claim.keep(state=CampaignState.DRAFT, reason=list(why))
