"""Why a webhook was not taken, in words: what the log of deliveries and the API show."""

from django.utils.translation import gettext, gettext_noop

PROBLEMS: dict[str, str] = {
    "no_url": gettext_noop("This is no address. It begins with https:// and names a host."),
    "has_credentials": gettext_noop(
        "Leave the user and the password out of the address; the signature proves who calls."
    ),
    "has_fragment": gettext_noop("Leave out what follows the #: it is never sent."),
    "forbidden": gettext_noop(
        "The address leads into a private network. WEBHOOK_ALLOWED_NETWORKS names those that "
        "may be called."
    ),
    "not_https": gettext_noop(
        "The address must begin with https://. Only a network that WEBHOOK_ALLOWED_NETWORKS "
        "names may be called without."
    ),
    "dns": gettext_noop("The host's name is not known. Check the address."),
    "no_connection": gettext_noop("Nobody answers at the address: the connection was refused."),
    "connect_timeout": gettext_noop("Nobody answers at the address: no connection in time."),
    "tls": gettext_noop("The certificate of the host is not valid."),
    "timeout": gettext_noop("No answer in time. Answer first, then work."),
    "broken": gettext_noop("The connection broke before there was an answer."),
    "redirect": gettext_noop("It answers with a redirect. Enter the address that it leads to."),
    "gone": gettext_noop("It answers 410 Gone: it wants no more. The endpoint was switched off."),
    "refused": gettext_noop("It answers with an error."),
    "too_old": gettext_noop(
        "Given up: its endpoint took nothing for 24 hours. Send it again when that works."
    ),
}


def in_words(problem: str, status: int | None = None) -> str:
    """In the reader's language. `status`: of HTTP."""
    text = gettext(PROBLEMS.get(problem, problem))
    return f"HTTP {status}: {text}" if status else text
