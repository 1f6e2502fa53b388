"""manage.py demo (make run): everything on this machine, in the foreground, until Ctrl-C."""

import fcntl
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, Any

import requests
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from notifier.demo import credentials, processes, redis_server

READY_SECONDS = 60

BANNER = """
  鸿雁 Hongyan runs.

    admin      {admin_url}   {username} / {password}
    phones     {simulator_url}
    API key    {api_key}
    all this   {file}

  Send a message, then look at the phones and at the message log:

{curl}

  Ctrl-C stops everything.
"""


class Command(BaseCommand):
    help = "Runs web, worker, clock, a simulated WeChat and Redis on this machine."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.HONGYAN_DEMO:
            raise CommandError("The demo runs only with HONGYAN_DEMO=1. Use: make run")
        home: Path = settings.HONGYAN_HOME
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        port, simulator_port = settings.PORT, settings.SIMULATOR_PORT
        lock = self._lock(home)
        for name, number in (("PORT", port), ("SIMULATOR_PORT", simulator_port)):
            if not processes.port_is_free(number):
                raise CommandError(
                    f"Port {number} is in use by another program. Stop it, or choose another "
                    f"port: {name}={number + 1} make run"
                )
        call_command("migrate", interactive=False, verbosity=0)
        demo = credentials.prepare(home, port, simulator_port)
        with lock:
            self._run(home, demo, {"PORT": str(port), "SIMULATOR_PORT": str(simulator_port)})

    def _lock(self, home: Path) -> IO[str]:
        lock = (home / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandError(
                f"Hongyan runs already with the data in {home}. Stop it, or use another folder: "
                "HONGYAN_HOME=/another/folder make run"
            ) from None
        return lock

    def _run(self, home: Path, demo: dict[str, Any], ports: dict[str, str]) -> None:
        environment = ports | {
            "HONGYAN_DEMO": "1",
            "HONGYAN_HOME": str(home),
            "WECHAT_API_BASE_URL": demo["simulator_url"],
        }
        socket = None
        if settings.REDIS_IS_EMBEDDED:
            try:
                socket = redis_server.socket_path(home)
                redis_server.executable()
            except FileNotFoundError as error:
                raise CommandError(str(error)) from None
            environment["REDIS_URL"] = f"unix://{socket}?db=0"
        config = home / "supervisord.conf"
        config.write_text(processes.supervisord_config(home, settings.BASE_DIR, socket))
        supervisor = processes.start(config, environment)
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, lambda *_: supervisor.terminate())
        if self._wait_until_ready(supervisor, demo):
            self.stdout.write(
                BANNER.format(
                    **demo, file=home / "demo.json", curl="    " + credentials.curl_line(demo)
                )
            )
            self.stdout.flush()
        supervisor.wait()

    def _wait_until_ready(
        self, supervisor: "subprocess.Popen[bytes]", demo: dict[str, Any]
    ) -> bool:
        probes = [
            demo["admin_url"].replace("/admin/", "/readyz"),
            demo["simulator_url"] + "_control/health",
        ]
        session = requests.Session()
        session.trust_env = False
        deadline = time.monotonic() + READY_SECONDS
        while supervisor.poll() is None:
            try:
                if all(session.get(probe, timeout=5).ok for probe in probes):
                    return True
            except requests.RequestException:
                pass
            if time.monotonic() > deadline:
                self.stderr.write("Not everything is up yet; the lines above should say why.")
                return False
            time.sleep(0.2)
        return False
