"""Makes parts: seeded drafts, proved by the kernel, each kept only once.

Candidate number k is drafted from its own seed, f(seed, k), and judged alone; parts are the candidates that pass,
in their order. So a seed gives the same parts on any number of worker processes.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from redraft.core.errors import Refusal, UsageError
from redraft.core.work import Work
from redraft.tasks.cad.parts.details import add_features
from redraft.tasks.cad.parts.draft import Draft
from redraft.tasks.cad.parts.families import MAKERS
from redraft.tasks.cad.parts.options import PartOptions
from redraft.tasks.cad.parts.place import choose_turn, place
from redraft.tasks.cad.program.codec import to_data
from redraft.tasks.cad.program.types import Program
from redraft.tasks.cad.program.validate import faults
from redraft.tasks.cad.views.style import ViewStyle

UNITS = (
    0.05,
    0.1,
    0.15,
    0.2,
    0.25,
    0.3,
    0.4,
    0.5,
    0.6,
    0.75,
    0.8,
    1,
    1.2,
    1.25,
    1.5,
    1.6,
    2,
    2.5,
    3,
    4,
    5,
    6,
    7.5,
    8,
)
"""Lattice steps in mm, as a person would choose them."""
SIDES = (5.0, 300.0)
"""Smallest and largest longest side, in mm. Their logarithm is normal: median 55 mm, two thirds from 24 to 125."""
VISIBLE = 0.002
"""The part of the body's volume that every extrusion must change."""
EXTRUSIONS = {1: 27, 2: 33, 3: 22, 4: 10, 5: 5, 6: 3}
SIMPLE_EXTRUSIONS = {1: 35, 2: 40, 3: 25}
EXACT = 1e-6
PATIENCE = 1000
"""Candidates in a row that come to nothing new, after which making stops: the options hold no more parts."""


class Pool(Protocol):
    """What is needed of the kernel's pool."""

    def call(self, job: str, payload: dict[str, Any]) -> Any: ...

    def map(self, job: str, payloads: Iterable[dict[str, Any]]) -> Iterator[Any]: ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A drafted part before its proof. sides: of its box in mm. changes: volumes in mm3 by which each step is
    meant to change the part, None where not known."""

    program: Program
    seed: int
    family: str
    sides: tuple[float, ...]
    changes: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class GeneratedPart:
    """A proved part. measure: what the kernel's "measure" says of it. images: PNG bytes by view name, if drawn.

    seed: draws the same part again by `draft`. family: the kind it began as.
    """

    program: Program
    measure: Mapping[str, Any]
    images: Mapping[str, bytes] | None
    mm_per_pixel: float | None
    seed: int
    family: str


def part_seed(seed: int, number: int) -> int:
    """The seed of candidate `number`: 63 bits of SHA-256 over both."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:8], "big") >> 1


def draft(seed: int, options: PartOptions) -> Candidate:
    """The candidate of a seed. The same seed and options give the same one; a Refusal where it came to nothing."""
    rng = random.Random(seed)
    weights = options.weights
    family = rng.choices(list(weights), list(weights.values()))[0]
    size = _size(rng, options)
    counts = SIMPLE_EXTRUSIONS if options.level == "simple" else EXTRUSIONS
    wanted = min(options.max_extrusions, rng.choices(list(counts), list(counts.values()))[0])
    part = Draft(rng, size, wanted, simple=options.level == "simple")
    MAKERS[family](part)
    add_features(part)
    if len(part.steps) > options.max_extrusions:
        raise Refusal("the draft has too many extrusions", code="limit")
    unit = _unit(rng, size)
    program, sides = place(part, unit, choose_turn(rng, part.simple), rng)
    changes = tuple(None if s.change is None else s.change * unit**3 for s in part.steps)
    if options.lattice and not math.isclose(max(sides), size * unit, rel_tol=1e-9):
        raise Refusal("the draft left its lattice", code="lattice")
    if faults(program):
        # The kernel makes a solid of a hole that leaves its outline; no reader of the dialects would accept it.
        raise Refusal("the draft has an outline that crosses another", code="crossing")
    return Candidate(program, seed, family, sides, changes)


def generate_parts(
    count: int,
    seed: int,
    options: PartOptions,
    work: Work,
    pool: Pool,
    style: ViewStyle | None = None,
) -> Iterator[GeneratedPart]:
    """count different, valid parts, the same for the same seed, options and versions.

    style: draws the views with it; None leaves the images out. What was replaced, and why, goes to work's log at
    the end. A UsageError where the options do not hold so many different parts.
    """
    seen: set[bytes] = set()
    replaced: Counter[str] = Counter()
    made = 0
    for candidate, outcome in _described(seed, options, pool, style, replaced):
        if made >= count:
            break
        reason = _fault(candidate, outcome, pool)
        if reason == "ok":
            part = _part(candidate, outcome.value, style)
            key = likeness(part.measure, part.images)
            reason = "duplicate" if key in seen else "ok"
        if reason != "ok":
            replaced[reason] += 1
            continue
        seen.add(key)
        made += 1
        work.progress("making parts", made, count)
        yield part
        if made >= count:
            break
    if made < count:
        raise UsageError(
            f"only {made} different parts came of these options ({_counts(replaced)})",
            remedy="Allow more families or extrusions, or ask for fewer parts",
        )
    if replaced:
        work.log(f"{sum(replaced.values())} candidates were replaced: {_counts(replaced)}")


def likeness(measure: Mapping[str, Any], images: Mapping[str, bytes] | None) -> bytes:
    """What two parts share when a drawing cannot tell them apart, whatever their size.

    The three pictures' data where there are pictures, else volume, area, box and centre of mass relative to the
    longest side, to five decimals.
    """
    if images:
        return hashlib.sha256(b"".join(image[image.index(b"IDAT") :] for image in images.values())).digest()
    box = measure["bbox_mm"]
    side = max(box)
    low = measure["bbox_min"]
    centre = [(c - a) / side for c, a in zip(measure["center_of_mass"], low, strict=True)]
    figures = [measure["volume_mm3"] / side**3, measure["area_mm2"] / side**2, *(b / side for b in box), *centre]
    return repr([round(f, 5) for f in figures]).encode()


def _described(
    seed: int, options: PartOptions, pool: Pool, style: ViewStyle | None, replaced: Counter[str]
) -> Iterator[tuple[Candidate, Any]]:
    """Candidates with the kernel's word on each, in order and without end."""
    waiting: deque[Candidate] = deque()

    def payloads() -> Iterator[dict[str, Any]]:
        for candidate in _candidates(seed, options, replaced):
            waiting.append(candidate)
            payload: dict[str, Any] = {"program": to_data(candidate.program)}
            if style is not None:
                payload["style"] = style.as_data()
            yield payload

    for outcome in pool.map("measure" if style is None else "describe", payloads()):
        yield waiting.popleft(), outcome


def _candidates(seed: int, options: PartOptions, replaced: Counter[str]) -> Iterator[Candidate]:
    """Drafts of seed after seed, each shape once whatever its size, until PATIENCE in a row are not new."""
    shapes: set[bytes] = set()
    number = last = 0
    while number - last <= PATIENCE:
        try:
            candidate = draft(part_seed(seed, number), options)
        except Refusal as refusal:
            replaced[f"draft: {refusal.code}"] += 1
        else:
            shape = _shape(candidate)
            if shape in shapes:
                replaced["duplicate"] += 1
            else:
                shapes.add(shape)
                last = number
                yield candidate
        number += 1


def _shape(candidate: Candidate) -> bytes:
    """The program relative to its longest side, to six decimals, in a few bytes."""
    side = max(candidate.sides)

    def relative(value: Any) -> Any:
        if isinstance(value, float | int):
            return round(value / side, 6)
        return [relative(v) for v in value] if isinstance(value, list) else value

    steps = to_data(candidate.program)["steps"]
    figures = [
        [step["operation"], relative([step["one"], step["two"]])]
        + [[s["plane"]["normal"], relative([s["plane"]["origin"], s["profiles"]])] for s in step["sketches"]]
        for step in steps
    ]
    return hashlib.sha256(repr(figures).encode()).digest()[:16]


def _fault(candidate: Candidate, outcome: Any, pool: Pool) -> str:
    """Why a candidate is no part; "ok" if it is one."""
    if outcome.reason != "ok":
        return str(outcome.reason)
    measure = _measure(outcome.value)
    if not measure["valid"]:
        return str(measure["reason"])
    if measure["solids"] != 1:
        return "disconnected"
    side = max(candidate.sides)
    if any(abs(a - b) > 1e-4 * side for a, b in zip(measure["bbox_mm"], candidate.sides, strict=True)):
        return "another box than drafted"
    volume = measure["volume_mm3"]
    if volume < 0.01 * math.prod(candidate.sides):
        return "too little material"
    return "ok" if _all_visible(candidate, volume, pool) else "a step without effect"


def _all_visible(candidate: Candidate, volume: float, pool: Pool) -> bool:
    """Whether every step changes the volume by a visible part of it.

    Where the final volume is what the draft's steps add up to, each did what it was meant to; else the kernel
    measures the part after every step.
    """
    changes = candidate.changes
    known = [c for c in changes if c is not None]
    if len(known) == len(changes) and abs(sum(known) - volume) <= EXACT * volume:
        after = [sum(known[: i + 1]) for i in range(len(known))]
    else:
        steps = candidate.program.steps
        payloads = [{"program": to_data(Program(steps[:i]))} for i in range(1, len(steps))]
        outcomes = [pool.call("measure", payload) for payload in payloads]
        if any(outcome.reason != "ok" for outcome in outcomes):
            return False
        after = [float(outcome.value["volume_mm3"]) for outcome in outcomes] + [volume]
    before = [0.0, *after[:-1]]
    return all(abs(b - a) > VISIBLE * max(a, b) for a, b in zip(before, after, strict=True))


def _part(candidate: Candidate, value: Mapping[str, Any], style: ViewStyle | None) -> GeneratedPart:
    images = None if style is None else {_stem(i["path"]): i["bytes"] for i in value["images"]}
    return GeneratedPart(
        candidate.program,
        _measure(value),
        images,
        None if style is None else float(value["mm_per_pixel"]),
        candidate.seed,
        candidate.family,
    )


def _measure(value: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = value.get("measure", value)
    return {key: inner[key] for key in inner if key not in ("images", "mm_per_pixel", "size_mm")}


def _stem(path: str) -> str:
    return path.removesuffix(".png")


def _size(rng: random.Random, options: PartOptions) -> int:
    """Units along the longest side: a divisor of 128 on the lattice, any number off it."""
    if not options.lattice:
        return rng.randint(24, 120) // 2 * 2 + (0 if rng.random() < 0.9 else 1)
    if options.level == "simple":
        return rng.choices((16, 32), (30, 70))[0]
    return rng.choices((32, 64, 128), (40, 45, 15))[0]


def _unit(rng: random.Random, size: int) -> float:
    """A lattice step in mm that gives the part a likely size."""
    low, high = SIDES
    wanted = min(max(math.exp(rng.gauss(math.log(55), 0.82)), low), high)
    allowed = [unit for unit in UNITS if low <= unit * size <= high]
    return min(allowed, key=lambda unit: abs(math.log(unit * size / wanted)))


def _counts(replaced: Counter[str]) -> str:
    return ", ".join(f"{reason} {n}" for reason, n in replaced.most_common())
