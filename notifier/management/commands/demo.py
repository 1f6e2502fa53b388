"""manage.py demo (make run): everything on this machine, in the foreground, until Ctrl-C."""

import fcntl
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

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
    test key   {test_key}
    API guide  {guide_url}
    all this   {file}

  Send a message, then look at the phones and at the message log:

{curl}

  Ctrl-C stops everything.
"""

FOREIGN_DATABASE = """DATABASE_URL is set, in the environment or in .env: the demo would put its \
login and its rows into that database.
Use the demo's own:               DATABASE_URL= make run
Or, if that one is for the demo:  HONGYAN_DEMO_DATABASE=1 make run"""


class Command(BaseCommand):
    help = "Runs web, worker, clock, a simulated WeChat and Redis on this machine."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.HONGYAN_DEMO:
            raise CommandError("The demo runs only with HONGYAN_DEMO=1. Use: make run")
        if settings.DATABASE_IS_GIVEN and not settings.HONGYAN_DEMO_DATABASE:
            raise CommandError(FOREIGN_DATABASE)
        home: Path = settings.HONGYAN_HOME
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock(home) as lock:
            self._check_ports()
            call_command("migrate", interactive=False, verbosity=0)
            try:
                demo = credentials.prepare(home, settings.PORT, settings.SIMULATOR_PORT)
            except credentials.ForeignLogin as error:
                raise CommandError(str(error)) from None
            self._run(home, demo, lock)

    def _lock(self, home: Path) -> IO[str]:
        lock = (home / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            pid = processes.pid_file(home)
            end = f" (kill {pid.read_text().strip()} ends all of it)" if pid.exists() else ""
            raise CommandError(
                f"Hongyan runs already with the data in {home}. Stop it{end}, or use another "
                "folder: HONGYAN_HOME=/another/folder make run"
            ) from None
        return lock

    def _check_ports(self) -> None:
        ports = {"PORT": settings.PORT, "SIMULATOR_PORT": settings.SIMULATOR_PORT}
        if settings.PORT == settings.SIMULATOR_PORT:
            another = processes.another_port(settings.PORT)
            raise CommandError(
                f"PORT and SIMULATOR_PORT are both {settings.PORT}: each needs its own. Choose "
                f"another: SIMULATOR_PORT={another} make run"
            )
        for name, number in ports.items():
            if not processes.port_is_free(number):
                another = processes.another_port(number, *ports.values())
                raise CommandError(
                    f"Port {number} is in use by another program. Stop it, or choose another "
                    f"port: {name}={another} make run"
                )

    def _run(self, home: Path, demo: dict[str, Any], lock: IO[str]) -> None:
        environment = {
            "PORT": str(settings.PORT),
            "SIMULATOR_PORT": str(settings.SIMULATOR_PORT),
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
            environment["REDIS_URL"] = f"unix://{quote(str(socket))}?db=0"
        config = processes.supervisord_config(settings.BASE_DIR, socket)
        (home / "supervisord.conf").write_text(config)
        supervisor = processes.start(home, settings.BASE_DIR, environment, lock)
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
        if socket is not None and socket.parent != home:
            shutil.rmtree(socket.parent, ignore_errors=True)

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
