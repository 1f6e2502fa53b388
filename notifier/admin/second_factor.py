"""The second factor's page: set it up, give its code at login, look after it."""

from typing import Any

import qrcode
from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_otp import login
from qrcode.image.svg import SvgPathImage
from unfold.widgets import UnfoldAdminTextInputWidget

from notifier.access import second_factor as factor
from notifier.access import throttle
from notifier.access.login import wait_in_words
from notifier.access.second_factor import Owed
from notifier.audit.record import record
from notifier.models import Action

KEY = "second_factor_key"
"""In the session, while it is set up."""
ALONE, WITHIN = "unfold/layouts/unauthenticated.html", "admin/base_site.html"


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "inputmode": "text", "autofocus": ""}
        ),
    )


def second_factor(request: HttpRequest) -> HttpResponse:
    if factor.owed(request.user) == Owed.CODE:
        return _ask(request)
    return _keep(request) if factor.has_one(request.user) else _set_up(request)


def _ask(request: HttpRequest) -> HttpResponse:
    """At login: nothing else opens before the code is right."""
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and (device := _given(request, form)):
        _verified(request, device)
        if factor.codes_left(request.user) < 3:
            messages.warning(request, gettext("Few recovery codes are left: make new ones."))
        return redirect(_next(request))
    return _page(request, "ask", ALONE, form)


def _set_up(request: HttpRequest) -> HttpResponse:
    key = request.session.setdefault(KEY, factor.new_key())
    form = CodeForm(request.POST or None)
    form.fields["code"].label = gettext("Code of the app")
    if request.method == "POST" and form.is_valid():
        if enrolled := factor.enrol(request.user, key, form.cleaned_data["code"]):
            device, codes = enrolled
            del request.session[KEY]
            _verified(request, device)
            return _page(request, "codes", WITHIN, form, codes=codes, next=_next(request))
        form.add_error("code", gettext("This code is not right. Is the phone's time right?"))
    is_required = factor.is_required(request.user)
    context = {
        "qr": _svg(factor.address_of(request.user, key)),
        "key": factor.key_to_type(key),
        "is_required": is_required,
    }
    return _page(request, "set_up", ALONE if is_required else WITHIN, form, **context)


def _keep(request: HttpRequest) -> HttpResponse:
    """New recovery codes, or away with it; each for a code, should the desk be left open."""
    is_required = factor.is_required(request.user)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _given(request, form):
        if "remove" not in request.POST:
            return _page(request, "codes", WITHIN, form, codes=factor.renew_codes(request.user))
        if not is_required:
            factor.remove(request.user)
            messages.success(request, gettext("The second factor is removed."))
            return redirect("second-factor")
    left = factor.codes_left(request.user)
    return _page(request, "keep", WITHIN, form, left=left, is_required=is_required)


def _given(request: HttpRequest, form: CodeForm) -> Any | None:
    """The device whose code it is. Failures are counted and recorded."""
    attempt = throttle.of_code(request.user.pk)
    if attempt.wait:
        form.add_error("code", wait_in_words(attempt))
        return None
    if device := factor.accepted(request.user, form.cleaned_data["code"]):
        throttle.succeeded(attempt)
        return device
    _record(request, Action.SECOND_FACTOR_FAILED)
    if attempt.is_last:
        _record(request, Action.LOCKED_OUT)
    text = gettext("This code is not right, or was used already. Wait for the next one.")
    form.add_error("code", text)
    return None


def _verified(request: HttpRequest, device: Any) -> None:
    """The session is another from here on: who knew it before the code does not know it now."""
    request.session.cycle_key()
    login(request, device)
    _record(request, Action.SECOND_FACTOR)


def _record(request: HttpRequest, action: Action) -> None:
    user: Any = request.user
    record(
        action,
        object_type=user._meta.label_lower,
        object_id=user.pk,
        object_name=user.get_username(),
    )


def _next(request: HttpRequest) -> str:
    wanted = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if is_ours else resolve_url("admin:index")


def _svg(text: str) -> SafeString:
    code = qrcode.QRCode(border=4, image_factory=SvgPathImage)
    code.add_data(text)
    return mark_safe(code.make_image().to_string(encoding="unicode"))  # noqa: S308 - drawn here


def _page(request: HttpRequest, part: str, base: str, form: CodeForm, **more: Any) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": _("Second factor"),
        "base": base,
        "part": f"notifier/second_factor/{part}.html",
        "form": form,
        **more,
    }
    return render(request, "notifier/second_factor.html", context)
