"""The table of WeChat's errcodes: what each one means, and what a person can do about it.

Read through `notifier.wechat.errors`; nobody else imports this. The codes are those of the
official pages "Global return codes" and "sendTemplateMessage", and some from community reports.
"""

from dataclasses import dataclass
from enum import StrEnum


def N_(text: str) -> str:  # noqa: N802 - gettext's customary name
    """Mark a text for the message catalogue."""
    return text


class Kind(StrEnum):
    """What the platform does with an answer of WeChat."""

    OK = "ok"
    """Accepted, or accepted before: nothing is repeated."""
    TOKEN = "token"  # noqa: S105
    """Refresh the access token once, repeat once in the same attempt; then as ACCOUNT."""
    RETRY = "retry"
    """Back off with full jitter and try again, within the message's expiry."""
    SLOW = "slow"
    """As RETRY, and the account's pace is halved; it recovers step by step."""
    QUOTA = "quota"
    """Park the account's normal and bulk messages until the reset; nothing is consumed."""
    RECIPIENT = "recipient"
    """Fail this message and mark the recipient; later sends are refused at intake."""
    TEMPLATE = "template"
    """Fail; after several in a row hold the template and tell the operator."""
    ACCOUNT = "account"
    """Open the account's breaker at once: rows stay queued, the operator is told what to fix."""
    REQUEST = "request"
    """Fail this message with the field named; a repeat would fail alike."""
    AMBIGUOUS = "ambiguous"
    """It may have been sent: repeat with the same client_msg_id within 10 minutes, then unknown."""
    UNKNOWN_CODE = "unknown_code"
    """No row in this table: fail, no blind retry, counted and shown on a page of its own."""


@dataclass(frozen=True, slots=True)
class ErrCode:
    """One errcode. `meaning` and `fix` are English msgids; `retry_after` is in seconds."""

    code: int
    kind: Kind
    meaning: str
    fix: str
    retry_after: int | None = None


_NOTHING = N_("Nothing to do.")
_AGAIN = N_("Nothing to do: Hongyan tries again by itself.")
_SLOWER = N_("Nothing to do: Hongyan slows down and tries again.")
_RENEW = N_("Nothing to do: Hongyan fetches a new access token and tries again.")
_QUOTA = N_("Wait for the reset at midnight China time, or clear the quota on mp.weixin.qq.com.")
_FOLLOW = N_("Nothing to do: the recipient is marked unfollowed; they must follow again.")
_ALLOW = N_("Nothing to do: the user must allow messages from the account again.")
_OPENID = N_("Check that the OpenID is complete and belongs to this official account.")
_UNBLOCK = N_("Take the user off the account's blacklist if they should get messages.")
_USER_ACTS = N_("Nothing to do: the user must come back to the account first.")
_LOGIN = N_("Let the user log in again.")
_SECRET = N_("Enter the account's current AppID and AppSecret.")
_UNFREEZE = N_("Unfreeze the AppSecret on mp.weixin.qq.com; it takes about 10 minutes to act.")
_WHITELIST = N_("Add this server's IP to the API IP whitelist on mp.weixin.qq.com.")
_CONFIRM = N_("Ask the account's administrator to confirm this server's IP in WeChat.")
_PERMISSION = N_("Check on mp.weixin.qq.com that the account is verified and may use this API.")
_APPEAL = N_("Read the violation notice on mp.weixin.qq.com, put it right and appeal there.")
_PLATFORM = N_("Check the account's authorisation to the third-party platform.")
_SYNC = N_("Synchronise the templates and choose one that this account still has.")
_TIDY = N_("Correct the templates or their categories on mp.weixin.qq.com.")
_WORDING = N_("Make the text a plain service notice without marketing, then release the template.")
_REVIEW = N_("Wait until WeChat's review is over, then release the template.")
_MINI = N_("Check that the mini program is linked to the account and the page is published.")
_LINK = N_("Correct the link of the template or of the message.")
_VALUE = N_("Correct the field that WeChat names and send again.")
_REQUEST = N_("Correct the request and send it again.")
_TAGS = N_("Correct the tag or the list of users.")
_BUG = N_("This is a fault in Hongyan: report it together with the rid.")

_Row = tuple[int, str, str]

# 40013 on a business call is the mini program's appid, since the token already names the account:
# one wrong override must not open the account's breaker. On the token call it is ACCOUNT.
_ROWS: dict[Kind, tuple[_Row, ...]] = {
    Kind.OK: (
        (0, N_("Accepted by WeChat."), _NOTHING),
        # One community report (2025), unconfirmed: the repeat is refused, the first one was sent.
        (40241, N_("The same message was already sent in the last 60 seconds."), _NOTHING),
        (45065, N_("A message with this client_msg_id was already submitted."), _NOTHING),
    ),
    Kind.TOKEN: (
        (40001, N_("The access token is invalid or was replaced by a newer one."), _RENEW),
        (40014, N_("The access token is malformed or unknown."), _RENEW),
        (42001, N_("The access token has expired."), _RENEW),
    ),
    Kind.SLOW: (
        (-1, N_("WeChat is busy, or gets too many calls at once."), _SLOWER),
        (45011, N_("Too many calls in this minute."), _SLOWER),
    ),
    Kind.RETRY: (
        (20001, N_("WeChat had a system error."), _AGAIN),
        (43117, N_("This user got too many messages in a short time."), _AGAIN),
        (45066, N_("The same client_msg_id was used again too soon."), _AGAIN),
        (45102, N_("WeChat has blocked this API for a while."), _AGAIN),
        (45169, N_("The same user is being changed by another call."), _AGAIN),
        (45501, N_("WeChat's supervision blocks calls for a while."), _AGAIN),
        (268487001, N_("WeChat's blacklist service is busy."), _AGAIN),
        (268487002, N_("WeChat's follower list service is busy."), _AGAIN),
    ),
    Kind.QUOTA: (
        (40251, N_("The limit lowered for past violations is used up."), _QUOTA),
        (45009, N_("The daily quota of this API is used up."), _QUOTA),
        (45028, N_("The mass send quota is used up."), _QUOTA),
        (45040, N_("The monthly quota is used up."), _QUOTA),
        (45104, N_("The quota of domain names is used up."), _QUOTA),
    ),
    Kind.RECIPIENT: (
        (40003, N_("The OpenID is wrong or belongs to another account."), _OPENID),
        (40226, N_("WeChat blocks the login of this risky user."), _USER_ACTS),
        (41028, N_("The mini program form id is invalid."), _USER_ACTS),
        (41029, N_("The mini program form id was already used."), _USER_ACTS),
        (42007, N_("The user changed their password; their login is void."), _LOGIN),
        (43004, N_("The user does not follow the account."), _FOLLOW),
        (43005, N_("The user is no friend of the account."), _FOLLOW),
        (43019, N_("The account has put this user on its blacklist."), _UNBLOCK),
        (43101, N_("The user refuses this message or has no subscription left."), _ALLOW),
        (45015, N_("The 48 hours for a customer service reply are over."), _USER_ACTS),
        (45047, N_("No more customer service messages to this user for now."), _USER_ACTS),
        (46004, N_("The user does not exist."), _OPENID),
        (48002, N_("The user has switched off messages from the account."), _ALLOW),
        (49003, N_("The OpenID belongs to another account."), _OPENID),
        (50005, N_("The user has unfollowed the account."), _FOLLOW),
    ),
    Kind.TEMPLATE: (
        (40013, N_("The AppID is wrong, or the mini program is not linked to the account."), _MINI),
        (40036, N_("The template id has the wrong length."), _SYNC),
        (40037, N_("The account has no template with this id."), _SYNC),
        (40048, N_("The domain of the link is not allowed."), _LINK),
        (40165, N_("The page path of the mini program is wrong."), _MINI),
        (40166, N_("The AppID of the mini program is wrong."), _MINI),
        (40249, N_("WeChat blocked the message for illegal or marketing content."), _WORDING),
        (40252, N_("Part of the content is under review at WeChat."), _REVIEW),
        (41030, N_("The page is not in the published mini program."), _MINI),
        (43100, N_("The template was changed too often or left WeChat's library."), _SYNC),
        (43102, N_("This kind of template cannot be sent with this call."), _SYNC),
        (43116, N_("WeChat has banned this template because of abuse."), _WORDING),
        (45027, N_("The template does not fit the account's industry."), _TIDY),
        (45051, N_("The message contains a link that is not allowed."), _LINK),
        (48011, N_("WeChat has disabled this library template."), _TIDY),
        (200013, N_("This template is banned."), _WORDING),
    ),
    Kind.ACCOUNT: (
        (40125, N_("The AppSecret is wrong."), _SECRET),
        (40164, N_("This server's IP is not in the account's IP whitelist."), _WHITELIST),
        (40243, N_("The AppSecret is frozen."), _UNFREEZE),
        (43104, N_("The account has no permission for this call."), _PERMISSION),
        (43106, N_("The account may not add templates, as a punishment."), _APPEAL),
        (43107, N_("The account's subscription messages are banned."), _APPEAL),
        (43108, N_("The account's subscription messages are restricted."), _APPEAL),
        (45035, N_("This server's IP is not registered with WeChat."), _WHITELIST),
        (45103, N_("WeChat does not offer this API to the account."), _PERMISSION),
        (48001, N_("The account may not use this API."), _PERMISSION),
        (48003, N_("The account has not accepted the mass send agreement."), _PERMISSION),
        (48004, N_("WeChat has banned this API for the account."), _APPEAL),
        (48008, N_("The account may not send this type of message."), _PERMISSION),
        (50001, N_("The account is not authorised for this API."), _PERMISSION),
        (50002, N_("The account is frozen, cancelled or banned."), _APPEAL),
        (50004, N_("The account may not fetch access tokens."), _APPEAL),
        (50007, N_("The account is frozen."), _APPEAL),
        (61004, N_("This server's IP is not registered with the platform."), _WHITELIST),
        (61007, N_("The third-party platform lacks this permission."), _PLATFORM),
        (61024, N_("The account is run by a third-party platform."), _PLATFORM),
        (89501, N_("This server's IP waits for the administrator's confirmation."), _CONFIRM),
        (89502, N_("This server's IP is not confirmed yet."), _CONFIRM),
        (89503, N_("This server's IP needs the administrator's confirmation."), _CONFIRM),
        (89504, N_("The confirmation of this server's IP is not finished."), _CONFIRM),
        (89505, N_("The confirmation of this server's IP was not possible."), _CONFIRM),
        (89506, N_("The administrator refused this IP twice: blocked for 24 hours."), _CONFIRM),
        (89507, N_("The administrator refused this IP: blocked for one hour."), _CONFIRM),
        (200011, N_("The account is banned from subscription messages."), _APPEAL),
    ),
    Kind.REQUEST: (
        (20002, N_("A parameter is wrong."), _REQUEST),
        (40002, N_("The grant_type of the token call is wrong."), _BUG),
        (40008, N_("The message type is wrong."), _BUG),
        (40029, N_("The login code is wrong or was already used."), _LOGIN),
        (40031, N_("The list of OpenIDs is invalid."), _REQUEST),
        (40032, N_("The list of OpenIDs is empty or too long."), _REQUEST),
        (40033, N_("The text contains escaped Unicode characters."), _BUG),
        (40035, N_("The arguments are invalid."), _REQUEST),
        (40038, N_("The format of the request is wrong."), _REQUEST),
        (40039, N_("The link is too long."), _LINK),
        (40066, N_("WeChat does not know this API address."), _BUG),
        (40102, N_("The industry id is wrong."), _TIDY),
        (40103, N_("The industry number is wrong."), _TIDY),
        (40132, N_("The WeChat id is invalid."), _REQUEST),
        (40163, N_("The login code was already used."), _LOGIN),
        (40201, N_("The address to be checked is invalid."), _REQUEST),
        (40202, N_("The kind of check is invalid."), _REQUEST),
        (40203, N_("The network operator of the check is invalid."), _REQUEST),
        (40246, N_("The list of keywords is invalid."), _TIDY),
        (40247, N_("Only category templates can be added now."), _TIDY),
        (40250, N_("The content does not meet the rules, for example an empty value."), _VALUE),
        (41001, N_("The access token is missing in the call."), _BUG),
        (41002, N_("The AppID is missing in the call."), _SECRET),
        (41003, N_("The refresh token is missing in the call."), _BUG),
        (41004, N_("The AppSecret is missing in the call."), _SECRET),
        (41005, N_("The media data is missing."), _REQUEST),
        (41006, N_("The media id is missing."), _REQUEST),
        (41007, N_("The submenu data is missing."), _REQUEST),
        (41008, N_("The login code is missing."), _LOGIN),
        (41009, N_("The OpenID is missing."), _REQUEST),
        (42002, N_("The refresh token of the login has expired."), _LOGIN),
        (42003, N_("The login code has expired."), _LOGIN),
        (43001, N_("WeChat wants this call as GET."), _BUG),
        (43002, N_("WeChat wants this call as POST."), _BUG),
        (43003, N_("WeChat wants this call over HTTPS."), _BUG),
        (44002, N_("The body of the call is empty."), _BUG),
        (45002, N_("The content is too long."), _REQUEST),
        (45026, N_("The account has its 25 templates already."), _TIDY),
        (45056, N_("The account has its 100 tags already."), _TAGS),
        (45057, N_("The tag has more than 100,000 followers and cannot be deleted."), _TAGS),
        (45058, N_("Tags made by WeChat cannot be changed."), _TAGS),
        (45059, N_("The user has 20 tags already."), _TAGS),
        (45067, N_("The client_msg_id is too long."), _BUG),
        (45109, N_("WeChat has withdrawn this API."), _BUG),
        (45157, N_("The tag name is invalid or already used."), _TAGS),
        (45158, N_("The tag name is too long."), _TAGS),
        (45159, N_("The tag does not exist."), _TAGS),
        (45168, N_("The text contains a forbidden word."), _VALUE),
        (45171, N_("Some users of the list were not changed."), _TAGS),
        (47001, N_("The body of the call is not valid JSON."), _BUG),
        (47002, N_("The body contains escaped Unicode characters."), _BUG),
        (47003, N_("A value is empty or breaks the rule of its field type."), _VALUE),
        (48006, N_("The monthly number of quota resets is used up."), _REQUEST),
        (76001, N_("No request with this rid was found."), _REQUEST),
        (76002, N_("The rid is wrong."), _REQUEST),
        (76003, N_("The rid belongs to another account."), _REQUEST),
        (76004, N_("The rid is older than 7 days."), _REQUEST),
        (76021, N_("WeChat does not know this cgi_path."), _REQUEST),
        (76022, N_("The account has no permission for this cgi_path."), _REQUEST),
        (200012, N_("The account has its 25 subscription templates already."), _TIDY),
        (200014, N_("The template title id is wrong."), _TIDY),
        # The reference has it only within a range: its neighbours are all wrong parameters.
        (200015, N_("A parameter of the call for subscription templates is wrong."), _REQUEST),
        (200016, N_("The start of the page is wrong."), _REQUEST),
        (200017, N_("The size of the page is wrong."), _REQUEST),
        (200018, N_("The list of category ids is wrong."), _REQUEST),
        (200019, N_("A category id is not one of the account's."), _REQUEST),
        (200020, N_("The list of keyword ids is wrong."), _TIDY),
        (200021, N_("The scene description is wrong."), _TIDY),
        (200022, N_("The template was already added."), _TIDY),
        (200100, N_("This type of account cannot use subscription templates."), _REQUEST),
    ),
}

# 43117 is per user and its threshold is unpublished: at least an hour (community reports).
# 45011 says "retry next minute"; 45066 asks for a minute between two uses.
_RETRY_AFTER = {43117: 3600, 45011: 60, 45066: 60}

TABLE: dict[int, ErrCode] = {
    code: ErrCode(code, kind, meaning, fix, _RETRY_AFTER.get(code))
    for kind, rows in _ROWS.items()
    for code, meaning, fix in rows
}
# On the token call these mean something else (official page getAccessToken).
TOKEN_CALL: dict[int, ErrCode] = {
    40001: ErrCode(40001, Kind.ACCOUNT, N_("The AppSecret is wrong."), _SECRET),
    40013: ErrCode(40013, Kind.ACCOUNT, N_("The AppID is wrong."), _SECRET),
    45009: ErrCode(
        45009,
        Kind.ACCOUNT,
        N_("WeChat gives this account no more access tokens today."),
        N_(
            "Another program fetches this account's tokens again and again: let it use the "
            "gateway. WeChat gives new ones after midnight China time, or once the quota is "
            "cleared on mp.weixin.qq.com."
        ),
    ),
}
UNKNOWN_MEANING = N_("WeChat answered with a code that Hongyan does not know.")
UNKNOWN_FIX = N_("Look the code up in WeChat's documentation and report it together with the rid.")
