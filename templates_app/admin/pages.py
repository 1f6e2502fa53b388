"""What several of the admin's pages share."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from templates_app.admin.limited import LimitedAdmin


class PageAdmin(LimitedAdmin):
    """A row's page shows more than its form: what `page_context` returns."""

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        raise NotImplementedError

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        context = self.page_context(request, row) if row else {}
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **context}
        )


class ReadOnlyAdmin(LimitedAdmin):
    """Rows that nobody makes, changes or deletes by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
