"""Examples of a Markdown file, and a reader who types them one after the other."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notifier.books.markdown import fence_of, parser

RUN = {"sh", "python"}
ANSWERS = {"json", "ndjson", "text"}
PATIENCE = 30
"""Seconds: until receipts and webhooks have come."""
VARYING = re.compile(
    r"id|request_id|msgid|secret|next|timestamp|detail|meaning|fix|errmsg|url|duration_ms"
    r"|next_runs|at|\w+_at"
)
"""Names of values that are others each time: of these only the type counts."""
ID = re.compile(r"\b[0-9a-f]{32}\b")
CHANGES = re.compile(r" -d| --data|-X|\bcat >")
"""A block of curl without these only reads, and may be asked again."""
INTERPRETER = """
import contextlib, io, json, os, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    code, environment = json.loads(line)
    os.environ.update(environment)
    said, failed = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(said):
            exec(compile(code, "the guide", "exec"), names)
    except BaseException:
        failed = traceback.format_exc()
    print(json.dumps([said.getvalue(), failed]), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    file: str
    code: str
    line: int


def blocks_of(path: Path) -> list[Block]:
    return [
        Block(*fence_of(token), token.content, (token.map or [0])[0] + 1)
        for token in parser().parse(path.read_text("utf-8"))
        if token.type == "fence"
    ]


class Reader:
    """In a folder of their own; what they set in the shell stays set, as in Python."""

    def __init__(self, folder: Path, environment: Mapping[str, str], names: Mapping[str, str]):
        """`names`: what stands in the text -> what is meant here, such as an address."""
        self.folder, self.names = folder, names
        binaries = Path(sys.executable).parent
        path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
        self.environment = {"PATH": path, "LANG": "C.UTF-8", "PYTHONUTF8": "1", **environment}
        self._python: subprocess.Popen[str] | None = None
        self._shells: list[subprocess.Popen[bytes]] = []
        self._said: list[Path] = []

    def do(self, block: Block) -> str:
        """Its output. Raises AssertionError if it fails."""
        code = block.code
        for told, meant in self.names.items():
            code = code.replace(told, meant)
        if block.file:
            (self.folder / block.file).write_text(code, "utf-8")
            return ""
        return self._in_shell(code) if block.language == "sh" else self._in_python(code)

    def _in_shell(self, code: str) -> str:
        kept, said = self.folder / ".environment", self.folder / f".said-{len(self._said)}"
        script = f"set -a\n{code}\nenv -0 > {kept}\n"
        with said.open("wb") as output:  # a file: what runs in the background writes on
            shell = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._shells.append(shell)
        self._said.append(said)
        assert shell.wait(60) == 0, f"{code}\n{said.read_text()}"
        lines = kept.read_text("utf-8").split("\0")
        self.environment |= dict(line.split("=", 1) for line in lines if "=" in line)
        return said.read_text("utf-8")

    def _in_python(self, code: str) -> str:
        if self._python is None:
            self._python = subprocess.Popen(
                [sys.executable, "-c", INTERPRETER],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
        assert self._python.stdin
        assert self._python.stdout
        self._python.stdin.write(json.dumps([code, self.environment]) + "\n")
        self._python.stdin.flush()
        said, failed = json.loads(self._python.stdout.readline())
        assert not failed, f"{code}\n{failed}"
        return str(said)

    def all_said(self) -> str:
        return "\n".join(file.read_text("utf-8") for file in self._said)

    def leave(self) -> None:
        if self._python:
            self._python.communicate(timeout=10)
        for shell in self._shells:
            try:
                os.killpg(shell.pid, signal.SIGKILL)  # what it left in the background
            except ProcessLookupError:
                continue


def follow(reader: Reader, blocks: list[Block]) -> Iterator[str]:
    """Runs them in their order. Gives what is wrong with the answers that they show."""
    before, said = None, ""
    for block in blocks:
        if block.language in RUN:
            before, said = block, reader.do(block)
        elif block.language in ANSWERS and before is None:
            yield f"line {block.line}: nothing was run before this answer"
        elif block.language in ANSWERS and before:
            yield from _compared(reader, before, block, said)


def _compared(reader: Reader, asked: Block, told: Block, said: str) -> Iterator[str]:
    reads = asked.language == "sh" and not CHANGES.search(asked.code)
    ends = time.monotonic() + PATIENCE
    while wrong := differences(asked, told, said, reader):
        waits = reads or (asked.language == "sh" and told.language == "text")
        if not waits or time.monotonic() > ends:
            yield f"line {told.line}: {wrong}; it said {said[:1500]}"
            return
        time.sleep(0.3)
        said = reader.do(asked) if reads else said


def differences(asked: Block, told: Block, said: str, reader: Reader) -> str:
    """Empty: it is as told."""
    if told.language == "text":
        found, expected = (ID.sub("ID", text) for text in (said, told.code))
        if asked.language == "python":
            return "" if found == expected else f"not {expected!r}"
        # What runs in the background keeps no order.
        lines = ID.sub("ID", reader.all_said()).splitlines()
        missing = [line for line in expected.splitlines() if line not in lines]
        return f"{missing} did not come" if missing else ""
    try:
        if told.language == "json":
            return differs(json.loads(told.code), json.loads(said), "")
        pairs = [[json.loads(one) for one in text.splitlines()] for text in (told.code, said)]
        return differs(pairs[0], pairs[1], "")
    except ValueError as error:
        return f"no JSON: {error}"


def differs(told: Any, found: Any, where: str, name: str = "") -> str:
    """The same fields with the same types, and with the same values where these do not vary; of a
    list at least what is shown."""
    if type(told) is not type(found):
        return f"{where} is {found!r}, not {told!r}"
    if isinstance(told, dict):
        if told.keys() != found.keys():
            return f"{where} has other fields: {sorted(told.keys() ^ found.keys())}"
        parts = ((told[key], found[key], f"{where}/{key}", key) for key in told)
    elif isinstance(told, list):
        if len(found) < len(told) or (found and not told):
            return f"{where} has {len(found)} rows, not {len(told)}"
        parts = ((one, found[at], f"{where}/{at}", name) for at, one in enumerate(told))
    elif told != found and not VARYING.fullmatch(name):
        return f"{where} is {found!r}, not {told!r}"
    else:
        return ""
    return next((wrong for part in parts if (wrong := differs(*part))), "")
