"""Pages that show somebody only rows of the accounts that are theirs: the list, a row's page, every
action, what can be chosen in forms and filters. All admins of ours begin here."""

from typing import Any

from django.contrib.admin import RelatedFieldListFilter
from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from unfold.admin import ModelAdmin

from templates_app.access import PATHS, accounts_of, limited


class LimitedFilter(RelatedFieldListFilter):
    """Offers nothing of other accounts."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: Any
    ) -> list[tuple[str, Any]]:
        if accounts_of(request.user) is None:
            return super().field_choices(field, request, model_admin)
        rows = limited(field.related_model._default_manager.all(), request.user)
        ordering = self.field_admin_ordering(field, request, model_admin)
        return list(
            field.get_choices(
                include_blank=False, ordering=ordering, limit_choices_to={"pk__in": rows}
            )
        )


class LimitedAdmin(ModelAdmin):
    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return limited(super().get_queryset(request), request.user)

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> Any:
        """What a form offers and accepts."""
        rows = super().get_field_queryset(db, db_field, request)
        target = db_field.remote_field.model
        if accounts_of(request.user) is None or target._meta.label not in PATHS:
            return rows
        return limited(target._default_manager.all() if rows is None else rows, request.user)

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [
            (one, LimitedFilter) if isinstance(one, str) and self._is_relation(one) else one
            for one in super().get_list_filter(request)
        ]

    def _is_relation(self, name: str) -> bool:
        try:
            return bool(self.opts.get_field(name).is_relation)
        except FieldDoesNotExist:
            return False

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> Any:
        """Django leads to the start page, and says that it was deleted perhaps: of another
        account's row that is not true, and the two must not be told apart."""
        if accounts_of(request.user) is not None:
            raise Http404
        return super()._get_obj_does_not_exist_redirect(request, opts, object_id)
