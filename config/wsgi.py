"""The WSGI entry point that gunicorn serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

from notifier import tracing  # noqa: E402
from notifier.profiling.listener import listen  # noqa: E402 - asks for Django's settings

listen("web")
tracing.load()

# What is loaded stays, and the rows of a batch hold no cycles: looking for some at each 700 new
# objects took a quarter of its time.
gc.freeze()
gc.set_threshold(20_000, 20, 50)
