"""Imports of recipients: upload, the dry run's figures and errors, confirm, progress."""

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from notifier.admin.uploads import name_of, not_too_large
from notifier.audit.record import record
from notifier.models import Action, ImportState, RecipientImport
from notifier.recipients.imports import job
from notifier.recipients.imports.confirming import confirm, discard
from notifier.recipients.imports.error_file import sentence
from notifier.recipients.imports.files import files
from notifier.recipients.imports.problems import Problem, in_words
from templates_app.access import limited
from templates_app.admin.limited import LimitedAdmin
from templates_app.models import OfficialAccount

COLOURS: dict[str, str] = {
    ImportState.CHECKING.value: "info",
    ImportState.CHECKED.value: "primary",
    ImportState.APPLYING.value: "info",
    ImportState.DONE.value: "success",
    ImportState.UNREADABLE.value: "danger",
    ImportState.STOPPED.value: "danger",
    ImportState.DISCARDED.value: "",
}
CHANGE = "admin:notifier_recipientimport_change"


class UploadForm(forms.ModelForm):  # type: ignore[type-arg]
    """The first row names the columns; what is in them is told by the dry run."""

    account = forms.ModelChoiceField(
        OfficialAccount.objects.defer("app_secret").order_by("name"),
        label=_("Account"),
        widget=UnfoldAdminSelectWidget,
    )
    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "CSV (UTF-8 or GB18030) or XLSX. The first row names the columns: openid, and any of "
            "user_id, name, email, phone, unionid, groups, in English or Chinese (姓名, 邮箱, "
            "手机号, 分组 …). Empty cells change nothing. First the file is only checked."
        ),
        validators=[not_too_large],
        widget=UnfoldAdminFileFieldWidget,
    )

    class Meta:
        model = RecipientImport
        fields = ("account",)

    user: Any
    """Who uploads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        accounts: Any = self.fields["account"]
        accounts.queryset = limited(accounts.queryset, self.user)
        if len(only := list(accounts.queryset[:2])) == 1:
            accounts.initial = only[0]


@admin.register(RecipientImport)
class RecipientImportAdmin(LimitedAdmin):
    list_display = (
        "file_name",
        "shown_state",
        "account",
        "shown_rows",
        "shown_wrong",
        "requested_by",
        "when",
    )
    list_display_links = ("file_name",)
    list_filter = ("state", "account")
    list_select_related = ("account",)
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = InfinitePaginator
    empty_text = _(
        "No file yet. The first step only checks it; nothing is changed before you confirm."
    )
    ordering = ("-id",)
    sortable_by = ()
    actions = None
    change_form_template = add_form_template = "notifier/import.html"
    fields = ("account", "file_name", "requested_by", "confirmed_by", "created_at", "finished_at")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        pages = {"confirm": self.confirm, "discard": self.discard, "errors": self.errors}
        return [
            *(
                path(f"<int:pk>/{name}/", wrap(view), name=f"notifier_recipientimport_{name}")
                for name, view in pages.items()
            ),
            *super().get_urls(),
        ]

    @display(description=_("state"), label=COLOURS)
    def shown_state(self, row: RecipientImport) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @admin.display(description=_("rows"))
    def shown_rows(self, row: RecipientImport) -> str:
        return number_format(row.rows, force_grouping=True)

    @admin.display(description=_("rows with errors"))
    def shown_wrong(self, row: RecipientImport) -> str:
        return number_format(row.wrong, force_grouping=True)

    @admin.display(description=_("uploaded"))
    def when(self, row: RecipientImport) -> Any:
        return row.created_at

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, **kwargs)
        return type("UploadForm", (UploadForm,), {"user": request.user})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("account", "file") if obj is None else self.fields

    def save_model(
        self, request: HttpRequest, obj: RecipientImport, form: Any, change: bool
    ) -> None:
        file = form.cleaned_data["file"]
        obj.file_name = name_of(file)
        obj.requested_by = request.user.get_username()
        obj.language = get_language() or settings.LANGUAGE_CODE
        obj.save()
        files.keep(obj.pk, file.chunks())
        transaction.on_commit(lambda: job.wake(obj.pk))

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: Any = None
    ) -> HttpResponse:
        return redirect(CHANGE, obj.pk)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        row = self.get_object(request, object_id) if object_id else None
        if row and not row.is_at_work and "HX-Request" in request.headers:
            return HttpResponse(headers={"HX-Refresh": "true"})  # the last time: the whole page
        page = _page(row, self.has_add_permission(request)) if row else {}
        return super().changeform_view(
            request, object_id, form_url, {**(extra_context or {}), **page}
        )

    def confirm(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Of a checked one, and of one that stopped: it goes on where it was."""
        row = self._asked_for(request, pk)
        if confirm(row, request.user.get_username()):
            self.log_change(request, row, "confirmed")
            record(
                Action.IMPORT,
                object_type="notifier.RecipientImport",
                object_id=pk,
                object_name=row.file_name,
            )
            transaction.on_commit(lambda: job.wake(pk))
        return redirect(CHANGE, pk)

    def discard(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._asked_for(request, pk)
        if discard(row):
            self.log_change(request, row, "discarded")
            messages.info(
                request, gettext("Discarded: nothing was imported, and the file is gone.")
            )
        return redirect("admin:notifier_recipientimport_changelist")

    def _asked_for(self, request: HttpRequest, pk: int) -> RecipientImport:
        if request.method != "POST" or not self.has_add_permission(request):
            raise PermissionDenied
        row = self.get_queryset(request).filter(pk=pk).first()
        if row is None:
            raise Http404
        return row

    def errors(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The rows with errors as they were uploaded, so for those who may upload."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        row = self.get_queryset(request).filter(pk=pk).first()
        try:
            if row is None:
                raise Http404
            file = files.errors(pk).open("rb")
        except FileNotFoundError:
            raise Http404 from None
        name = f"{Path(row.file_name).stem}-errors.csv"
        return FileResponse(file, as_attachment=True, filename=name, content_type="text/csv")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _page(row: RecipientImport, may_import: bool) -> dict[str, Any]:
    problems = [Problem(*one) for one in row.problems]
    return {
        "title": row.file_name,
        "run": row,
        "colour": COLOURS[row.state],
        "may_import": may_import,
        "cause": in_words(row.error[0], row.error_params()) if row.error else "",
        "problems": [(one.row, one.column, in_words(one.text, one.params)) for one in problems],
        "first": sentence(problems[0]) if problems else "",
        "more": max(row.wrong - len(problems), 0),
        "has_errors_file": bool(row.wrong and row.has_files),
        "waits_long": row.is_at_work
        and not row.claimed_by
        and timezone.now() - row.created_at > job.SOON,
    }
