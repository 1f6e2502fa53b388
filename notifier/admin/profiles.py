"""Profiles of the running processes, for engineers: the processes that answer, a profile of one,
and what came of it."""

from datetime import UTC, datetime
from typing import Any, get_args

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from notifier.admin.profile_words import cpu_words, memory_words, thread_words
from notifier.admin.through_redis import guarded
from notifier.profiling import asking
from notifier.profiling.asking import Busy, NoAnswer, Run, State
from notifier.profiling.channel import Failure, Process, What
from notifier.profiling.memory import MemoryProfile
from notifier.profiling.sampling import CpuProfile
from notifier.profiling.speedscope import speedscope
from notifier.profiling.threads import ThreadDump

PERMISSION = "notifier.profile_process"
SECONDS = (5, 10, 30, 60)
TITLES: dict[str, str] = {
    "cpu": gettext_noop("CPU"),
    "memory": gettext_noop("Memory"),
    "threads": gettext_noop("Threads"),
}
STATES: dict[State, tuple[str, str]] = {
    State.RUNNING: ("info", gettext_noop("being made")),
    State.DONE: ("success", gettext_noop("over")),
    State.FAILED: ("danger", gettext_noop("failed")),
    State.LOST: ("danger", gettext_noop("did not come")),
}
_guarded = guarded(PERMISSION, _("Profiles"))


def _page(request: HttpRequest, template: str, shown: dict[str, Any]) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": _("Profiles"), "seconds": SECONDS}
    return render(request, template, context | shown)


def profiles(request: HttpRequest) -> HttpResponse:
    processes = asking.processes()
    if request.method == "POST":
        return _ask(request, {one.id: one for one in processes})
    shown = {
        "processes": [(one, _moment(one.started), _moment(one.busy_until)) for one in processes],
        "runs": [
            (run, TITLES[run.what], _moment(run.asked_at), *STATES[state])
            for run, state in asking.latest()
        ],
    }
    return _page(request, "notifier/profiles.html", shown)


def _ask(request: HttpRequest, processes: dict[str, Process]) -> HttpResponse:
    process = processes.get(request.POST.get("process", ""))
    what: Any = request.POST.get("what", "")
    seconds = {str(one): one for one in SECONDS}.get(request.POST.get("seconds", ""))
    if process is None:
        messages.error(request, gettext("There is no such process any more."))
        return redirect("profiles")
    if what not in get_args(What) or seconds is None:
        messages.error(request, gettext("Choose what to look at, and for how long."))
        return redirect("profiles")
    if what == "threads":
        seconds = 0
    try:
        run = asking.start(process, what, seconds, request.user.get_username())
    except Busy:
        text = gettext("%(process)s is being profiled already. Wait until that one is over.")
        messages.error(request, text % {"process": process})
    except NoAnswer:
        text = gettext(
            "%(process)s does not answer: it has ended, is stopped, or one call holds up all of it."
        )
        messages.error(request, text % {"process": process})
    else:
        return redirect("profile", run=run.id)
    return redirect("profiles")


def profile(request: HttpRequest, run: str) -> HttpResponse:
    found = _found(run)
    state, result = asking.result(found)
    shown: dict[str, Any] = {
        "run": found,
        "state": state,
        "colour": STATES[state][0],
        "what": TITLES[found.what],
        "asked_at": _moment(found.asked_at),
        "title": _("Profile"),
    }
    match result:
        case CpuProfile():
            shown |= cpu_words(result, request.GET)
        case MemoryProfile():
            shown |= memory_words(result)
        case ThreadDump():
            shown |= thread_words(result)
        case Failure():
            shown["error"] = result.error
    return _page(request, "notifier/profile.html", shown)


def file(request: HttpRequest, run: str) -> HttpResponse:
    """What https://www.speedscope.app opens."""
    found = _found(run)
    _state, result = asking.result(found)
    if not isinstance(result, CpuProfile):
        raise Http404
    shown = cpu_words(result, request.GET)
    name = f"{found.process.name}-{found.process.pid}-{_moment(found.asked_at):%Y%m%d-%H%M%S}"
    response = JsonResponse(speedscope(result, name, shown["column"]))
    response["Content-Disposition"] = f'attachment; filename="{_plain(name)}.speedscope.json"'
    return response


def _plain(name: str) -> str:
    """HONGYAN_PROCESS may be any text, a header's value not."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)


def _found(run: str) -> Run:
    found = asking.find(run)
    if found is None:
        raise Http404
    return found


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


profile_pages = [
    path("", _guarded(profiles), name="profiles"),
    path("<slug:run>/", _guarded(profile), name="profile"),
    path("<slug:run>/speedscope/", _guarded(file), name="profile-file"),
]
