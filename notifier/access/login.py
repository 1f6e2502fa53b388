"""The login form: after some failures it says how long to wait, and does not even look."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from unfold.forms import AuthenticationForm

from notifier.access import throttle
from notifier.access.throttle import Attempt
from notifier.audit.events import refused_login
from notifier.models import Action
from notifier.observability.requests import client_address


class LoginForm(AuthenticationForm):  # type: ignore[misc]  # Unfold has no types
    def clean(self) -> dict[str, Any]:
        name = str(self.cleaned_data.get("username", ""))
        if not name or not self.cleaned_data.get("password"):
            return dict(super().clean())
        attempt = throttle.of_login(name, client_address(self.request))
        if attempt.wait:
            raise ValidationError(wait_in_words(attempt))
        try:
            cleaned = dict(super().clean())
        except ValidationError:
            if attempt.is_last:
                refused_login(Action.LOCKED_OUT, name, self.request)
            raise
        throttle.succeeded(attempt)
        return cleaned


def wait_in_words(attempt: Attempt) -> str:
    text = gettext("Too many failed attempts. Try again in %(minutes)d minutes.")
    return text % {"minutes": -(-attempt.wait // 60)}
