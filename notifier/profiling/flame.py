"""A flame graph as rows of boxes, to be drawn without a script: each as wide as its share."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from notifier.profiling.places import Place
from notifier.profiling.sampling import CpuProfile, Sampled

NARROWEST = 0.5
"""Per cent of the whole width: a box below is not drawn, and its time stays with its caller's."""
MOST_ROWS = 100
MOST_BOXES = 800
TOP = 15


@dataclass
class Node:
    """A function as called from its parent. `own` and `total`: microseconds."""

    place: Place
    own: int = 0
    total: int = 0
    lines: Counter[int] = field(default_factory=Counter)
    children: "dict[tuple[str, str], Node]" = field(default_factory=dict)

    @property
    def where(self) -> str:
        """At the line that took the most."""
        line = self.lines.most_common(1)[0][0] if self.lines else 0
        return Place(self.place.function, self.place.file, line).where

    @property
    def sorted(self) -> "list[Node]":
        return sorted(self.children.values(), key=lambda one: -one.total)


@dataclass(frozen=True, slots=True)
class Box:
    """`path`: the way to it from the root, such as 0.2.1. Shares are per cent of the whole,
    left and width of what is shown."""

    name: str
    where: str
    path: str
    is_ours: bool
    left: float
    width: float
    own: float
    total: float


def tree(profile: CpuProfile, thread: Sampled, column: int) -> Node:
    root = Node(Place(thread.name, "", 0))
    for sample in thread.samples:
        micros = sample[column]
        if not micros:
            continue
        node = root
        node.total += micros
        for index in profile.stacks[sample[0]]:
            place = profile.places[index]
            key = (place.function, place.file)
            node = node.children.setdefault(key, Node(place))
            node.total += micros
            node.lines[place.line] += micros
        node.own += micros
    return root


def rows(root: Node, path: str = "") -> list[list[Box]]:
    """The root on top, each row below is what was called. With a path only what lies under it, over
    the whole width, and its callers above it."""
    if not root.total:
        return []
    *callers, (top, at) = _way(root, path)
    found = [[_box(node, way, 0.0, 100.0, root.total)] for node, way in callers]
    level = [(top, at, 0.0)]
    count = 0
    while level and len(found) < MOST_ROWS and count < MOST_BOXES:
        found.append(
            [
                _box(node, way, left, 100 * node.total / top.total, root.total)
                for node, way, left in level
            ]
        )
        count += len(level)
        level = [child for one in level for child in _below(*one, top.total)]
    return found


def _way(root: Node, path: str) -> list[tuple[Node, str]]:
    """The nodes on the way, the root first; a path that leads nowhere ends early."""
    way, node, at = [(root, "")], root, ""
    for step in path.split("."):
        if not step.isdecimal() or int(step) >= len(node.children):
            break
        node, at = node.sorted[int(step)], f"{at}.{step}".lstrip(".")
        way.append((node, at))
    return way


def _below(node: Node, path: str, left: float, whole: int) -> Iterator[tuple[Node, str, float]]:
    for number, child in enumerate(node.sorted):
        width = 100 * child.total / whole
        if width < NARROWEST:
            return
        yield child, f"{path}.{number}".lstrip("."), left
        left += width


def _box(node: Node, path: str, left: float, width: float, whole: int) -> Box:
    return Box(
        node.place.function,
        node.where,
        path,
        node.place.is_ours,
        round(left, 3),
        round(width, 3),
        100 * node.own / whole,
        100 * node.total / whole,
    )


@dataclass(frozen=True, slots=True)
class Hot:
    place: Place
    own: float
    total: float


def hottest(profile: CpuProfile, threads: list[Sampled], column: int) -> list[Hot]:
    """The lines that took most by themselves, over these threads; shares in per cent."""
    own: Counter[int] = Counter()
    total: Counter[int] = Counter()
    for thread in threads:
        for sample in thread.samples:
            stack, micros = profile.stacks[sample[0]], sample[column]
            own[stack[-1]] += micros
            for index in set(stack):  # of a recursion once
                total[index] += micros
    whole = sum(own.values()) or 1
    return [
        Hot(profile.places[index], 100 * micros / whole, 100 * total[index] / whole)
        for index, micros in own.most_common(TOP)
        if micros
    ]
