"""The house as drawn in design.md: who may import whom, no cycle, and how large things may be."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSE = ("config", "notifier", "templates_app")

EVERYBODY = frozenset(
    {"models", "wechat", "templates_app", "metrics", "tracing", "redaction", "acting", "garbage"}
)
"""What every room but the leaves may use."""
MAY_IMPORT: dict[str, frozenset[str]] = {
    "config": EVERYBODY
    | {"api", "books", "gateway", "receipts", "observability", "admin", "profiling"},
    "templates_app": frozenset({"wechat"}),
    "wechat": frozenset(),
    "metrics": frozenset(),
    "tracing": frozenset({"metrics"}),
    "redaction": frozenset({"wechat"}),
    "acting": frozenset(),
    "garbage": frozenset(),
    "books": frozenset(),
    "simulator": frozenset(),
    "models": frozenset({"templates_app"}),
    "recipients": EVERYBODY | {"dispatch"},
    "dispatch": EVERYBODY,
    "intake": EVERYBODY | {"recipients", "dispatch"},
    "campaigns": EVERYBODY | {"intake", "recipients", "dispatch"},
    "schedules": EVERYBODY | {"intake", "recipients"},
    "receipts": EVERYBODY | {"dispatch"},
    "fallback": EVERYBODY,
    "anomalies": EVERYBODY | {"dispatch"},
    "retention": EVERYBODY | {"audit", "campaigns", "dispatch"},
    "webhooks": EVERYBODY,
    "observability": EVERYBODY | {"dispatch"},
    "doctor": EVERYBODY | {"dispatch", "receipts"},
    "profiling": EVERYBODY | {"audit", "dispatch"},
    "audit": EVERYBODY | {"observability"},
    "access": EVERYBODY | {"audit", "observability"},
    "api": EVERYBODY
    | {"access", "campaigns", "intake", "recipients", "dispatch", "observability"}
    | {"schedules", "webhooks"},
    "gateway": EVERYBODY | {"access", "intake", "recipients", "observability", "webhooks"},
    "console": EVERYBODY
    | {"intake", "recipients", "dispatch", "audit", "doctor", "observability", "profiling"},
    "admin": EVERYBODY
    | {"intake", "campaigns", "recipients", "dispatch", "audit", "access", "gateway", "webhooks"}
    | {"schedules", "doctor", "observability", "profiling", "anomalies"},
    "demo": EVERYBODY | {"simulator"},
    "management": EVERYBODY
    | {
        "access",
        "anomalies",
        "audit",
        "campaigns",
        "console",
        "dispatch",
        "intake",
        "profiling",
        "receipts",
        "recipients",
        "retention",
        "fallback",
        "schedules",
        "webhooks",
        "gateway",
        "demo",
        "simulator",
        "config",
    },
    "checks": frozenset({"templates_app", "access", "audit"}),
    "apps": frozenset({"checks", "dispatch", "audit", "access", "observability"}),
}
LATE_IMPORTS = {"notifier.apps", "notifier.tracing", "notifier.tracing.sdk"}
"""Django has no models yet when it loads an AppConfig; tracing that is off loads no SDK."""
ENVIRONMENT = {"config.env", "config.wsgi", "notifier.demo.processes", "notifier.tracing.sdk"}
"""Read it, set Django's own variable, hand it on to child processes, or ask what OpenTelemetry's
SDK will read."""
VAGUE = {"utils", "helpers", "common", "services", "managers"}


@cache
def modules() -> dict[str, ast.Module]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
            path.read_text()
        )
        for package in HOUSE
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts
    }


def imported(name: str, tree: ast.AST) -> Iterator[str]:
    """The modules of the house that the module imports, relative imports spelled out."""
    is_package = any(other.startswith(f"{name}.") for other in modules())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = name.split(".")[: len(name.split(".")) - node.level + is_package]
            start = ".".join([*base, *filter(None, [node.module])]) if node.level else node.module
            targets = [f"{start}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            if target.split(".")[0] in HOUSE:
                yield target if target in modules() else target.rpartition(".")[0]


def room(module: str) -> str:
    package, _, rest = module.partition(".")
    return rest.split(".")[0] if package == "notifier" and rest else package


@cache
def edges() -> frozenset[tuple[str, str]]:
    return frozenset(
        (name, target) for name, tree in modules().items() for target in imported(name, tree)
    )


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_a_room_imports_only_what_stands_below_it(name):
    allowed = MAY_IMPORT[name] | {name}
    wrong = {edge for edge in edges() if room(edge[0]) == name and room(edge[1]) not in allowed}
    assert wrong == set()


def test_every_room_has_its_place():
    rooms = {room(name) for name in modules()} - {"notifier"}
    assert rooms == MAY_IMPORT.keys()


def test_no_module_imports_itself_in_a_circle():
    graph: dict[str, set[str]] = {name: set() for name in modules()}
    for name, target in edges():
        if name != target:
            graph[name].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("leaf", ["wechat", "simulator"])
def test_a_leaf_knows_no_django(leaf):
    found = {
        name
        for name, tree in modules().items()
        if room(name) == leaf and roots(tree) & {"django", "rest_framework", "django_rq", "rq"}
    }
    assert found == set()


def roots(tree: ast.AST) -> set[str]:
    """The first names of what is imported, such as django."""
    nodes = list(ast.walk(tree))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    taken = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in plain + taken}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_imports_stand_at_the_top():
    late = {
        name
        for name, tree in modules().items()
        for function in functions(tree)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert late <= LATE_IMPORTS


def test_one_module_reads_the_environment():
    readers = {
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"})
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }
    assert readers <= ENVIRONMENT


def test_every_name_says_what_is_inside():
    assert {name for name in modules() if name.split(".")[-1] in VAGUE} == set()


def sources() -> list[Path]:
    files = [path for package in (*HOUSE, "tests") for path in (ROOT / package).rglob("*.py")]
    return [path for path in files if "migrations" not in path.parts]


def test_no_file_is_longer_than_300_lines():
    assert [str(path) for path in sources() if len(path.read_text().splitlines()) > 300] == []


def test_no_function_is_longer_than_50_lines():
    long = [
        f"{path.relative_to(ROOT)}:{function.name}"
        for path in sources()
        for function in functions(ast.parse(path.read_text()))
        if (function.end_lineno or 0) - function.lineno >= 50
    ]
    assert long == []
