"""The admin's theme: its name, colours, menus."""

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

UNFOLD = {
    "SITE_TITLE": _("Hongyan"),
    "SITE_HEADER": _("Hongyan"),
    "SITE_SUBHEADER": _("WeChat template messages"),
    "SITE_SYMBOL": "send",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("hongyan/icon.svg"),
        }
    ],
    "SHOW_LANGUAGES": True,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda request: static("hongyan/admin.css")],
    "SCRIPTS": [lambda request: static("hongyan/admin.js")],
    "LOGIN": {"form": "notifier.access.login.LoginForm"},
    "ACCOUNT": {
        "navigation": [
            {"title": _("Change password"), "link": reverse_lazy("admin:password_change")},
            {"title": _("Second factor"), "link": reverse_lazy("second-factor")},
        ]
    },
    "COLORS": {
        "primary": {
            "50": "oklch(97.9% .021 166)",
            "100": "oklch(95% .052 163)",
            "200": "oklch(90.5% .093 164)",
            "300": "oklch(84.5% .143 165)",
            "400": "oklch(76.5% .177 163)",
            "500": "oklch(69.6% .17 162)",
            "600": "oklch(52% .13 160)",
            "700": "oklch(45% .11 160)",
            "800": "oklch(40% .09 161)",
            "900": "oklch(34% .075 162)",
            "950": "oklch(25% .052 163)",
        }
    },
    "DASHBOARD_CALLBACK": "notifier.admin.dashboard.dashboard",
    "SIDEBAR": {
        "show_search": True,
        "navigation": "notifier.admin.navigation.sidebar",
    },
}
