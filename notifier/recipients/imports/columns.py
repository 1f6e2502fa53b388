"""The columns of a file: their headers in English and Chinese, and what a cell may hold."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext_noop

from notifier.models import masked_phone
from notifier.models.sandbox import SANDBOX
from notifier.recipients.imports.problems import Problem, Unreadable
from notifier.recipients.phones import normalised, phone_hash

MAX_GROUPS = 20
HEADERS: dict[str, tuple[str, ...]] = {
    "openid": ("openid", "微信openid"),
    "user_id": ("userid", "youruserid", "用户id", "用户编号", "会员编号", "客户编号"),
    "name": ("name", "姓名", "名称", "名字", "昵称"),
    "email": ("email", "mail", "emailaddress", "邮箱", "电子邮箱", "电子邮件", "邮件"),
    "phone": ("phone", "mobile", "phonenumber", "手机", "手机号", "手机号码", "电话"),
    "unionid": ("unionid", "微信unionid"),
    "groups": ("groups", "group", "分组", "组", "群组", "组别"),
}
OURS = {"row", "reason", "行号", "原因"}
"""Columns that the file of rows with errors adds; a corrected one is uploaded with them."""
_KNOWN = {alias: column for column, aliases in HEADERS.items() for alias in aliases}
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ROUNDED = re.compile(r"\d(?:\.\d+)?E\+\d+", re.IGNORECASE)
_GUARDED = ("'=", "'+", "'-", "'@")
_is_email = EmailValidator()


class Entry(NamedTuple):
    """A row without errors; empty texts say nothing, and change nothing."""

    row: int
    openid: str
    user_id: str = ""
    name: str = ""
    email: str = ""
    phone_hash: str = ""
    phone_shown: str = ""
    unionid: str = ""
    groups: Sequence[str] = ()
    cleared: Sequence[str] = ()
    """Columns of the row that are emptied; no file says so."""
    attributes: Mapping[str, Any] | None = None
    """Of no file, either: services write them (notifier/recipients/attributes.py)."""


class Wrong(Exception):
    def __init__(self, text: str, **params: object) -> None:
        super().__init__(text)
        self.text, self.params = text, params


@dataclass(frozen=True, slots=True)
class Columns:
    """Which cell is what: `places` maps our column to (index, header in the file)."""

    places: dict[str, tuple[int, str]]
    ignored: list[str]
    width: int

    def header(self, column: str) -> str:
        return self.places[column][1] if column in self.places else column

    def entry(self, row: int, cells: list[str]) -> tuple[Entry | None, list[Problem]]:
        problems = []
        values: dict[str, Any] = {}
        if any(cell.strip() for cell in cells[self.width :]):
            text = gettext_noop("has more cells than there are headers")
            problems.append(Problem(row, "", text))
        for column, (place, header) in self.places.items():
            cell = cell_at(cells, place)
            try:
                if cell or column == "openid":
                    values |= CELLS[column](cell)
            except Wrong as wrong:
                problems.append(Problem(row, header, wrong.text, wrong.params))
        return (None if problems else Entry(row=row, **values)), problems


def match(headers: list[str]) -> Columns:
    """Raises Unreadable where there is no OpenID, or a column twice."""
    places: dict[str, tuple[int, str]] = {}
    ignored = []
    for place, header in enumerate(headers):
        column = _KNOWN.get(plain(header))
        if column is None:
            if plain(header) and plain(header) not in OURS:
                ignored.append(header.strip()[:50])
        elif column in places:
            raise Unreadable(
                gettext_noop("Two columns mean the same: “%(one)s” and “%(other)s”. Remove one."),
                one=places[column][1],
                other=header.strip(),
            )
        else:
            places[column] = (place, header.strip())
    if "openid" not in places:
        shown = ", ".join(one.strip()[:50] for one in headers if one.strip())[:300]
        if not shown:
            raise Unreadable(gettext_noop("The file is empty, or its first row has no headers."))
        raise Unreadable(
            gettext_noop(
                "There is no column “openid”. The first row must name the columns; the file has: "
                "%(headers)s."
            ),
            headers=shown,
        )
    return Columns(places, ignored, len(headers))


def cell_at(cells: Sequence[str], place: int) -> str:
    """Trimmed, and without the guard that our own files put before formulas."""
    cell = cells[place].strip() if place < len(cells) else ""
    return cell[1:] if cell.startswith(_GUARDED) else cell


def plain(header: str) -> str:
    """As headers are compared."""
    return re.sub(r"[\s_\-]", "", header.strip().lower())


def _openid(cell: str) -> dict[str, Any]:
    if not cell:
        raise Wrong(gettext_noop("is empty; every row needs an OpenID"))
    if not _ID.fullmatch(cell):
        raise Wrong(
            gettext_noop("is not an OpenID: it has letters, digits, - and _ only, at most 64")
        )
    if cell in SANDBOX:
        raise Wrong(gettext_noop("is a recipient of the sandbox"))
    return {"openid": cell}


def _unionid(cell: str) -> dict[str, Any]:
    if not _ID.fullmatch(cell):
        raise Wrong(
            gettext_noop("is not a UnionID: it has letters, digits, - and _ only, at most 64")
        )
    return {"unionid": cell}


def _text(name: str, limit: int) -> Callable[[str], dict[str, Any]]:
    def read(cell: str) -> dict[str, Any]:
        if len(cell) > limit:
            raise Wrong(
                gettext_noop("is too long: %(count)d characters, at most %(limit)d"),
                count=len(cell),
                limit=limit,
            )
        if _CONTROL.search(cell):
            raise Wrong(gettext_noop("has a line break or a control character in it"))
        return {name: cell}

    return read


def _user_id(cell: str) -> dict[str, Any]:
    if _ROUNDED.fullmatch(cell):
        raise Wrong(_EXCEL_ROUNDED, value=cell)
    return _text("user_id", 64)(cell)


def _email(cell: str) -> dict[str, Any]:
    try:
        _is_email(cell)
    except ValidationError:
        raise Wrong(gettext_noop("is not an e-mail address")) from None
    return _text("email", 254)(cell)


def _phone(cell: str) -> dict[str, Any]:
    if _ROUNDED.fullmatch(cell):
        raise Wrong(_EXCEL_ROUNDED, value=cell)
    number = normalised(cell)
    if number is None:
        raise Wrong(
            gettext_noop("is not a phone number; those outside China begin with + and the country")
        )
    return {"phone_hash": phone_hash(number), "phone_shown": masked_phone(number)}


def _groups(cell: str) -> dict[str, Any]:
    names = [part.strip() for part in re.split("[,，、;；|]", cell)]
    groups = list(dict.fromkeys(name for name in names if name))
    if len(groups) > MAX_GROUPS:
        raise Wrong(gettext_noop("names more than %(limit)d groups"), limit=MAX_GROUPS)
    for name in groups:
        _text("groups", 50)(name)
    return {"groups": groups}


_EXCEL_ROUNDED = gettext_noop(
    "was changed by Excel into %(value)s; format the column as text and enter it again"
)
CELLS: dict[str, Callable[[str], dict[str, Any]]] = {
    "openid": _openid,
    "user_id": _user_id,
    "name": _text("name", 100),
    "email": _email,
    "phone": _phone,
    "unionid": _unionid,
    "groups": _groups,
}
