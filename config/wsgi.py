"""The WSGI entry point that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

from notifier import garbage, tracing  # noqa: E402
from notifier.profiling.listener import listen  # noqa: E402 - asks for Django's settings

listen("web")
tracing.load()
garbage.spare()
