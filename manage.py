#!/usr/bin/env python
"""Django's command line."""

import os
import sys
from contextlib import nullcontext

from django.core.management import execute_from_command_line

from config.env import Misconfigured
from notifier.acting import acting, of_command

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    find = of_command(sys.argv)
    try:
        with acting(find) if find else nullcontext():
            execute_from_command_line(sys.argv)
    except Misconfigured as error:
        sys.exit(f"{error}")
