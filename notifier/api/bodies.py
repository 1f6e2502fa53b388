"""What the endpoints take, decoded and checked in one step by msgspec."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from django.conf import settings
from msgspec import UNSET, Meta, Struct, UnsetType
from rest_framework.request import Request

from notifier.api.errors import InvalidRequest
from notifier.intake.accept import SendRequest
from notifier.intake.errors import Fault
from notifier.models import Priority
from notifier.recipients.directory import Address

Moment = Annotated[datetime, Meta(tz=True)]
Short = Annotated[str, Meta(min_length=1, max_length=64)]


class MiniProgram(Struct, forbid_unknown_fields=True):
    appid: Short
    pagepath: Annotated[str, Meta(max_length=500)] = ""


class To(Struct, forbid_unknown_fields=True):
    openid: Short | UnsetType = UNSET
    user: Short | UnsetType = UNSET


class SendBody(Struct, forbid_unknown_fields=True):
    """POST /messages"""

    template: Annotated[str, Meta(min_length=1, max_length=64)]
    to: To | Short
    data: dict[str, Any] = {}
    url: Annotated[str, Meta(max_length=1024, pattern="^https?://")] | None = None
    miniprogram: MiniProgram | None = None
    priority: Literal["urgent", "normal", "bulk"] = "normal"
    send_at: Moment | None = None
    expires_at: Moment | None = None
    metadata: dict[str, Any] = {}

    def digest_source(self) -> bytes:
        """The same for two bodies that ask for the same, however they are written."""
        return msgspec.json.encode(self, order="sorted")

    def request(self) -> SendRequest:
        return SendRequest(
            template=self.template,
            to=_address(self.to),
            data=self.data,
            priority=Priority[self.priority.upper()],
            url=self.url,
            miniprogram=(self.miniprogram.appid, self.miniprogram.pagepath)
            if self.miniprogram
            else None,
            send_at=self.send_at,
            expires_at=self.expires_at,
            metadata=self.metadata,
        )


_decode_send = msgspec.json.Decoder(SendBody).decode


def read_send(request: Request) -> SendBody:
    """Raises InvalidRequest with the field named."""
    try:
        body = _decode_send(request.body)
    except msgspec.ValidationError as error:
        raise InvalidRequest([_fault(str(error))], status=422) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(
            [Fault("", "not_json", f"The body is not valid JSON: {error}")]
        ) from None
    if len(msgspec.json.encode(body.metadata)) > settings.API_MAX_METADATA_BYTES:
        raise InvalidRequest(
            [Fault("/metadata", "too_large", f"At most {settings.API_MAX_METADATA_BYTES} bytes.")],
            status=422,
        )
    return body


def _address(to: To | str) -> Address:
    if isinstance(to, str):
        return Address(openid=to)
    openid, user = to.openid or "", to.user or ""
    if bool(openid) == bool(user):
        raise InvalidRequest([Fault("/to", "one_of", "Give either openid or user.")], status=422)
    return Address(openid=openid, user=user)


_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_NAMED = re.compile(r"(?:unknown|required) field `(?P<name>[^`]+)`")


def _fault(text: str) -> Fault:
    """msgspec says: Expected `str`, got `int` - at `$.to.openid`."""
    path = _PATH.search(text)
    pointer = re.sub(r"[.\[]", "/", path["path"]).replace("]", "") if path else ""
    message = _PATH.sub("", text)
    if named := _NAMED.search(message):
        code = "unknown_field" if "unknown" in message else "missing_field"
        return Fault(f"{pointer}/{named['name']}", code, f"{message}.")
    return Fault(pointer, "invalid_value", f"{message}.")
