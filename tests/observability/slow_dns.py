"""manage.py, with a resolver that takes its time while the file named by SLOW_DNS exists."""

import os
import socket
import sys
import time

from django.core.management import execute_from_command_line

SECONDS = 1.2
_look_up = socket.getaddrinfo


def _slowly(*arguments, **named):
    if os.path.exists(os.environ["SLOW_DNS"]):
        time.sleep(SECONDS)
    return _look_up(*arguments, **named)


socket.getaddrinfo = _slowly

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
