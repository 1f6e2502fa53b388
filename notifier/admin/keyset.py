"""Lists of tables that only grow: a page begins after a row, not after so many rows, and nothing is
counted; so page one thousand costs what page one costs."""

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest

BEFORE, AFTER = "before", "after"


class KeysetPaginator(Paginator):  # type: ignore[type-arg]
    """Only what unfold's template asks for; the pages are KeysetChangeList's."""

    template_name = "notifier/keyset.html"
    count = 0


class KeysetChangeList(ChangeList):
    """The newest first, by a primary key that grows: `?before=` a row come the older ones,
    `?after=` it the newer ones."""

    older = newer = ""
    """The addresses of the next and the previous page; empty where there is none."""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in (BEFORE, AFTER)}

    def get_results(self, request: HttpRequest) -> None:
        size = self.list_per_page
        before, after = self._key(request, BEFORE), self._key(request, AFTER)
        if after is not None:
            rows = list(self.queryset.filter(pk__gt=after).order_by("pk")[: size + 1])
            has_newer, has_older = len(rows) > size, True
            rows = rows[:size][::-1]
        else:
            found = self.queryset if before is None else self.queryset.filter(pk__lt=before)
            rows = list(found.order_by("-pk")[: size + 1])
            has_newer, has_older = before is not None, len(rows) > size
            rows = rows[:size]
        if rows and has_older:
            self.older = self._address(**{BEFORE: rows[-1].pk, AFTER: None})
        if rows and has_newer:
            self.newer = self._address(**{AFTER: rows[0].pk, BEFORE: None})
        self.result_list = rows
        self.result_count = len(rows)
        # Nobody counted: the theme shows a count where the two differ. And there is always more to
        # "select all" than one sees.
        self.full_result_count = self.result_count
        self.show_admin_actions = bool(rows)
        self.can_show_all = self.multi_page = False
        self.paginator = KeysetPaginator(rows, size)

    def _address(self, **changes: object) -> str:
        return self.get_query_string(changes, remove=[BEFORE, AFTER])

    def _key(self, request: HttpRequest, name: str) -> Any:
        """A row that is no key is as good as none."""
        try:
            return self.opts.pk.to_python(request.GET.get(name) or None)
        except ValidationError:
            return None
