"""What may be sent, and to whom: the template's state, the recipient's, and what the key allows."""

from collections.abc import Iterator
from dataclasses import replace

from django.utils.translation import gettext_noop

from notifier.intake.errors import Fault, Rejected
from notifier.models import Allowance, Priority, RecipientState
from notifier.models.sandbox import SANDBOX, make_sandbox
from notifier.recipients.directory import Address, Known
from templates_app.sendable import Sendable, sendable

EVERYTHING = Allowance()
REFUSING: dict[str, str] = {
    RecipientState.UNFOLLOWED: gettext_noop("The recipient does not follow the account."),
    RecipientState.REFUSED: gettext_noop("The recipient refuses messages from the account."),
    RecipientState.BLACKLISTED: gettext_noop("The account has blacklisted the recipient."),
    RecipientState.ERASED: gettext_noop("The recipient's data were erased on their request."),
    RecipientState.SANDBOX: gettext_noop("The sandbox's recipients are for test keys alone."),
}
UNKNOWN = Fault(
    "/to",
    "unknown_recipient",
    gettext_noop("The account has no such recipient. Import the follower first."),
)
NOT_IN_SANDBOX = Fault(
    "/to",
    "not_in_sandbox",
    "A test key reaches the sandbox alone: %(names)s, as openid or as user.",
    {"names": ", ".join(SANDBOX)},
)


def sendable_or_reject(
    code: str, priority: Priority = Priority.BULK, allowance: Allowance = EVERYTHING
) -> Sendable:
    """Raises Rejected. For a test key its account has the sandbox's people, and it has no caps."""
    template = sendable(code)
    if template is None:
        raise Rejected([Fault("/template", "unknown_template", f"There is no template {code!r}.")])
    if faults := [*_key_faults(template, priority, allowance), *_template_faults(template)]:
        raise Rejected(faults)
    if not allowance.is_test:
        return template
    make_sandbox(template.account_id)
    return replace(template, dedup_seconds=0, daily_cap=0)


def _template_faults(template: Sendable) -> Iterator[Fault]:
    if template.version_id is None:
        text = f"Template {template.code!r} has no published version."
        yield Fault("/template", "not_published", text)
    elif template.held_because:
        text = gettext_noop("WeChat refuses the template, so it is held: %(because)s")
        yield Fault("/template", "template_held", text, {"because": template.held_because})
    elif not template.account_is_active:
        text = gettext_noop("The template's account is switched off.")
        yield Fault("/template", "account_inactive", text)


def _key_faults(template: Sendable, priority: Priority, allowance: Allowance) -> Iterator[Fault]:
    accounts, templates = allowance.accounts, allowance.templates
    if (accounts and template.account_id not in accounts) or (
        templates and template.template_id not in templates
    ):
        text = "Your key may not send this template. Whoever made the key can allow it."
        yield Fault("/template", "template_not_allowed", text)
    if priority < allowance.highest:
        text = "Your key may send %(priority)s at most."
        yield Fault("/priority", "priority_not_allowed", text, {"priority": allowance.highest.word})


def person_faults(known: Known | None, allowance: Allowance = EVERYTHING) -> list[Fault]:
    if allowance.is_test:
        return [] if known and known.state == RecipientState.SANDBOX else [NOT_IN_SANDBOX]
    if known is None:
        return [UNKNOWN]
    if known.state != RecipientState.FOLLOWING:
        text = REFUSING[known.state]
        return [Fault("/to", f"recipient_{known.state}", text)]
    if known.refuses_template:
        text = gettext_noop("The recipient refuses messages of this template.")
        return [Fault("/to", "recipient_refuses_template", text)]
    return []


def sandbox_openid(address: Address) -> str:
    """For a test key. Raises Rejected."""
    name = address.openid or address.user
    if name not in SANDBOX:
        raise Rejected([NOT_IN_SANDBOX])
    return name
