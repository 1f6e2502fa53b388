"""What the endpoints take, decoded and checked in one step by msgspec."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from django.conf import settings
from msgspec import UNSET, Meta, Struct, UnsetType
from rest_framework.request import Request

from notifier.api.decoding import LINK, NO_NUL, NO_SPACE, escaped, fault_of
from notifier.api.errors import InvalidRequest
from notifier.intake.accept import SendRequest
from notifier.intake.errors import Fault
from notifier.models import Priority
from notifier.recipients.directory import Address
from notifier.recipients.phones import normalised

MAX_DEPTH = 20
MAX_URL_BYTES = 1024
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

Moment = Annotated[datetime, Meta(tz=True)]
# PostgreSQL cannot store NUL.
Short = Annotated[str, Meta(min_length=1, max_length=64, pattern=NO_NUL)]
Link = Annotated[str, Meta(pattern=LINK)]
Key = Annotated[str, Meta(min_length=1, max_length=255, pattern=NO_NUL)]
Page = Annotated[str, Meta(max_length=500, pattern=NO_SPACE)]


Decoded = TypeVar("Decoded")


class MiniProgram(Struct, forbid_unknown_fields=True):
    appid: Short
    pagepath: Page = ""


class To(Struct, forbid_unknown_fields=True):
    openid: Short | UnsetType = UNSET
    user: Short | UnsetType = UNSET
    phone: Short | UnsetType = UNSET
    unionid: Short | UnsetType = UNSET


class SendBody(Struct, forbid_unknown_fields=True):
    """POST /messages"""

    template: Short
    to: To | Short
    data: dict[str, Any] = {}
    url: Link | None = None
    miniprogram: MiniProgram | None = None
    priority: Literal["urgent", "normal", "bulk"] = "normal"
    send_at: Moment | None = None
    expires_at: Moment | None = None
    metadata: dict[str, Any] = {}
    dry_run: bool = False

    def digest_source(self) -> bytes:
        """The same for two bodies that ask for the same, however they are written."""
        asked = {name: getattr(self, name) for name in _ASKED}
        return msgspec.json.encode(asked, order="sorted")

    def request(self) -> SendRequest:
        return SendRequest(
            template=self.template,
            to=address_of(self.to),
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


_ASKED = tuple(name for name in SendBody.__struct_fields__ if name != "dry_run")


class RowBody(SendBody):
    """A message among many."""

    idempotency_key: Key | None = None


Body = TypeVar("Body", bound=SendBody)
_decode_send = msgspec.json.Decoder(SendBody).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_decode_row = msgspec.json.Decoder(RowBody).decode


def read_send(request: Request) -> SendBody:
    written = request.body
    return checked(decoded(_decode_send, written), written)


def read_filter(request: Request) -> dict[str, Any]:
    """As of a query, `metadata` as an object. An empty one would mean every message: refused."""
    given = decoded(_decode_object, request.body)
    labels = given.pop("metadata", {})
    if not isinstance(labels, dict):
        raise InvalidRequest([Fault("/metadata", "invalid_value", "Expected an object.")], 422)
    given |= {f"metadata[{name}]": value for name, value in labels.items()}
    if not given:
        text = "Name at least one filter: else it would be every message of yours."
        raise InvalidRequest([Fault("", "no_filter", text)], 422)
    return given


def read_row(line: bytes | msgspec.Raw) -> RowBody:
    body = checked(decoded(_decode_row, line), bytes(line))
    if body.dry_run:
        text = "Of many messages there is no dry run. Ask for one message."
        raise InvalidRequest([Fault("/dry_run", "not_supported", text)], status=422)
    return body


def decoded(decode: Callable[[Any], Decoded], body: bytes | msgspec.Raw) -> Decoded:
    """Raises InvalidRequest with the field named."""
    if not body:
        raise InvalidRequest([Fault("", "not_json", "The body is empty: send JSON.")])
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        shape = getattr(decode, "__self__").type  # noqa: B009 - of the decoder it belongs to
        raise InvalidRequest([fault_of(str(error), shape)], status=422) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(
            [Fault("", "not_json", f"The body is not valid JSON: {error}")]
        ) from None
    except RecursionError:
        raise InvalidRequest([Fault("", "too_deep", "The body is nested too deeply.")]) from None


def checked(body: Body, written: bytes) -> Body:
    """Raises InvalidRequest for what the types cannot say. Times come out in UTC.

    `written`: the JSON. Of most it shows at once that nothing in it need be looked at.
    """
    is_plain = b"\\u0000" not in written and written.count(b"{") + written.count(b"[") < MAX_DEPTH
    if faults := [*_faults(body, is_plain)]:
        raise InvalidRequest(faults, status=422)
    body.send_at = body.send_at and body.send_at.astimezone(UTC)
    body.expires_at = body.expires_at and body.expires_at.astimezone(UTC)
    return body


def _faults(body: SendBody, is_plain: bool) -> Iterator[Fault]:
    if not is_plain:
        yield from unstorable(body.data, "/data")
        yield from unstorable(body.metadata, "/metadata")
    for pointer, moment in (("/send_at", body.send_at), ("/expires_at", body.expires_at)):
        if moment is not None and not EARLIEST <= moment <= LATEST:
            yield Fault(pointer, "out_of_range", "It must lie between the years 2000 and 2200.")
    if len((body.url or "").encode()) > MAX_URL_BYTES:
        yield Fault("/url", "too_large", f"At most {MAX_URL_BYTES} bytes.")
    if body.metadata:
        limit = settings.API_MAX_METADATA_BYTES
        if len(msgspec.json.encode(body.metadata)) > limit:
            yield Fault("/metadata", "too_large", f"At most {limit} bytes.")


def unstorable(value: Any, pointer: str) -> Iterator[Fault]:
    """NUL, which PostgreSQL's JSON refuses, and a depth at which encoders give up."""
    waiting = [(value, pointer, 1)]
    while waiting:
        value, pointer, depth = waiting.pop()
        inner = _named(value)
        if depth > MAX_DEPTH and inner:
            yield Fault(pointer, "too_deep", f"At most {MAX_DEPTH} levels.")
            return
        if any("\0" in text for text in (value, *inner) if isinstance(text, str)):
            yield Fault(pointer, "has_nul", "The character NUL is not allowed.")
        waiting += [(item, f"{pointer}/{escaped(name)}", depth + 1) for name, item in inner.items()]


def _named(value: Any) -> dict[Any, Any]:
    if isinstance(value, list):
        return dict(enumerate(value))
    return value if isinstance(value, dict) else {}


def address_of(to: To | str, pointer: str = "/to") -> Address:
    """`pointer`: where it stands. Raises InvalidRequest."""
    if isinstance(to, str):
        return Address(openid=to)
    names = ("openid", "user", "phone", "unionid")
    given = {name: value for name in names if (value := getattr(to, name))}
    if len(given) != 1:
        text = "Give one of openid, user, phone and unionid."
        raise InvalidRequest([Fault(pointer, "one_of", text)], status=422)
    if "phone" in given and normalised(given["phone"]) is None:
        text = "It is no phone number; those outside China begin with + and the country."
        raise InvalidRequest([Fault(f"{pointer}/phone", "invalid_value", text)], status=422)
    return Address(**given)
