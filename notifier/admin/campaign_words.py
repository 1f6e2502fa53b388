"""Campaigns in words: problems of the audience, what a state means and who acts next."""

from django.utils.translation import gettext, gettext_noop

from notifier.models import CampaignState

COLOURS: dict[str, str] = {
    CampaignState.DRAFT.value: "",
    CampaignState.CHECKING.value: "info",
    CampaignState.CHECKED.value: "primary",
    CampaignState.SUBMITTED.value: "warning",
    CampaignState.SCHEDULED.value: "primary",
    CampaignState.CANARY.value: "info",
    CampaignState.RUNNING.value: "info",
    CampaignState.PAUSED.value: "danger",
    CampaignState.DONE.value: "success",
    CampaignState.CANCELLED.value: "",
}
NEXT: dict[str, str] = {
    CampaignState.DRAFT: gettext_noop("Fill in the form, then have the audience checked."),
    CampaignState.CHECKING: gettext_noop(
        "Every person is looked up and their message rendered. Nothing is sent."
    ),
    CampaignState.CHECKED: gettext_noop("Nothing is sent yet. Look at the figures and the cards."),
    CampaignState.SUBMITTED: gettext_noop(
        "Somebody who did not write it looks at it and approves it."
    ),
    CampaignState.SCHEDULED: gettext_noop("It begins by itself when its time has come."),
    CampaignState.CANARY: gettext_noop(
        "The first messages are sent, and their receipts waited for. Then the rest goes by itself."
    ),
    CampaignState.RUNNING: gettext_noop("It goes on by itself, also after a restart."),
    CampaignState.PAUSED: gettext_noop("Nothing is sent until somebody lets it go on."),
    CampaignState.DONE: gettext_noop("Every message has its result. Receipts may still come."),
    CampaignState.CANCELLED: gettext_noop("What was not at WeChat yet will never go there."),
}
PROBLEMS: dict[str, str] = {
    "unknown_recipient": gettext_noop("nobody the account knows"),
    "doubled": gettext_noop("in the audience twice"),
    "recipient_unfollowed": gettext_noop("do not follow any more"),
    "recipient_refused": gettext_noop("refuse messages of the account"),
    "recipient_blacklisted": gettext_noop("blacklisted"),
    "recipient_erased": gettext_noop("erased"),
    "recipient_refuses_template": gettext_noop("refuse this template"),
    "daily_cap": gettext_noop("have had enough of this template today"),
    "reached": gettext_noop("got the message before, or may have got it"),
    "duplicate": gettext_noop("got the same text a short while ago"),
    "changed": gettext_noop("changed while it was sent"),
    "too_long": gettext_noop("text too long for its field"),
    "missing_variable": gettext_noop("a value is missing"),
    "empty": gettext_noop("a field would be empty"),
}
_OTHER = gettext_noop("text that WeChat would refuse (%(code)s)")


def problem_in_words(code: str) -> str:
    return gettext(PROBLEMS.get(code, _OTHER)) % {"code": code}
