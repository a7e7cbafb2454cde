"""Families of round parts: each begins a part inside its size and leaves sites for features."""

from __future__ import annotations

from redraft.tasks.cad.parts.draft import Draft, Site
from redraft.tasks.cad.parts.shapes import Rect, circle, obround, rectangle
from redraft.tasks.cad.program.types import Profile


def flange(draft: Draft) -> None:
    """A disc with a bore, holes to a circle, and perhaps a hub."""
    half = draft.size // 2
    thick = draft.pick(0.08, 0.25, least=2)
    bore = draft.between(2, half * 0.4) if draft.chance(0.6) else 0
    loops = [circle(half, half, bore)] if bore else []
    hub = draft.between(max(bore + 2, half * 0.3), max(bore + 2, half * 0.6))
    ring = (hub + half) // 2
    r = draft.between(1, max(1, (half - hub) / 2 - 1))
    spots = [(half + ring, half), (half, half + ring), (half - ring, half), (half, half - ring)]
    if draft.chance(0.4) and not draft.simple:
        k = round(ring * 0.7071)
        spots += [(half + k, half + k), (half - k, half + k), (half - k, half - k), (half + k, half - k)]
    bolts = [circle(x, y, r) for x, y in spots]
    early = draft.chance(0.5) or draft.left == 1
    if half - hub < 2 * r + 2:
        bolts = []
    draft.body(2, 0, thick, circle(half, half, half), [*loops, *(bolts if early else [])])
    top = Site(2, thick, 1, (half - hub, half - hub, half + hub, half + hub), thick)
    if draft.left and draft.chance(0.75):
        height = draft.between(max(2, thick), draft.size * 0.6)
        bottom_bore = loops if bore and draft.chance(0.85) else []
        draft.join(top, height, Profile(circle(half, half, hub), tuple(bottom_bore)))
        if not bottom_bore and hub >= 5:
            inner = hub * 6 // 10
            rect: Rect = (half - inner, half - inner, half + inner, half + inner)
            draft.sites.append(Site(2, thick + height, 1, rect, height if bore else height + thick))
    if bolts and not early and draft.left:
        draft.cut(Site(2, thick, 1, (0, 0, draft.size, draft.size), thick), thick, *bolts)
    elif not bore and len(draft.steps) == 1:
        inner = hub * 7 // 10
        draft.sites = [Site(2, thick, 1, (half - inner, half - inner, half + inner, half + inner), thick)]
    _flange_back(draft, half, bore, hub)


def _flange_back(draft: Draft, half: int, bore: int, hub: int) -> None:
    """What the far side of a flange may have: a spigot, a wider bore."""
    if bore and draft.left and hub >= bore + 2 and draft.chance(0.7):
        wide = draft.between(bore + 1, hub - 1)
        draft.cut(Site(2, 0, -1, (0, 0, draft.size, draft.size), 1), 1, circle(half, half, wide), full=False)
    if draft.left and not draft.sites and draft.chance(0.7):
        back = Site(2, 0, -1, (0, 0, draft.size, draft.size), 1)
        room = min(draft.room(back), draft.size * 0.3)
        spigot = draft.between(bore + 2, max(bore + 2, hub))
        if room >= 2 and spigot <= hub:
            ring = Profile(circle(half, half, spigot), (circle(half, half, spigot - 1),))
            solid = Profile(circle(half, half, spigot))
            draft.join(back, draft.between(2, room), ring if bore else solid, clear=False)


def shaft(draft: Draft) -> None:
    """Cylinders in a row, with a bore, a flat, a keyway or a cross hole."""
    count = min(draft.left, draft.rng.choice([2, 2, 3, 3, 4]))
    if draft.wanted == 1 and draft.chance(0.85):
        r = draft.pick(0.12, 0.4, least=3)
        draft.body(2, 0, draft.size, circle(0, 0, r), [circle(0, 0, draft.between(1, r - 1))])
        return
    cuts = sorted(draft.rng.sample(range(3, draft.size - 2), count - 1)) if count > 1 else []
    ends = [0, *cuts, draft.size]
    radii: list[int] = []
    for _ in range(count):
        radii.append(next(r for r in iter(lambda: draft.pick(0.06, 0.32, least=2), None) if radii[-1:] != [r]))
    for a, b, r in zip(ends, ends[1:], radii, strict=False):
        draft.body(2, a, b, circle(0, 0, r))
    if draft.left <= 0:
        return
    longest = max(range(count), key=lambda i: ends[i + 1] - ends[i])
    r, a, b = radii[longest], ends[longest], ends[longest + 1]
    kind = draft.rng.choice(["bore", "flat", "keyway", "cross"])
    end = Site(2, draft.size, 1, (-radii[-1], -radii[-1], radii[-1], radii[-1]), draft.size)
    if kind == "bore" or b - a < 6:
        bore = draft.between(1, min(radii) * 0.7) if draft.chance(0.5) else draft.between(1, radii[-1] * 0.7)
        through = bore < min(radii)
        depth = draft.size if through and draft.chance(0.6) else draft.between(2, ends[-1] - ends[-2])
        draft.cut(end, depth, circle(0, 0, bore))
    elif kind == "flat":
        depth = draft.between(1, max(1, r * 0.4))
        side = Site(1, -r, -1, (-r, a, r, b), 2 * r)
        draft.cut(side, depth, rectangle((-r, a, r, b)), full=False)
    elif kind == "keyway" and r >= 4:
        w = max(2, int(r * 0.5) // 2 * 2)
        run = draft.between(w + 2, max(w + 2, (b - a) * 0.7))
        low = a + (b - a - run) // 2
        side = Site(1, -r, -1, (-r, a, r, b), 2 * r)
        draft.cut(side, draft.between(1, max(1, r * 0.5)), obround((-w / 2, low, w / 2, low + run)), full=False)
    else:
        hole = draft.between(1, max(1, min(r * 0.5, (b - a) * 0.3)))
        side = Site(1, -r, -1, (-r, a, r, b), 2 * r)
        draft.cut(side, 2 * r, circle(0, (a + b) // 2, hole), full=False)


def link(draft: Draft) -> None:
    """A lever: a flat bar with round ends, eyes, and perhaps raised rings around them."""
    wide = draft.size
    high = draft.pick(0.2, 0.5, even=True)
    thick = draft.pick(0.06, 0.18, least=2)
    r = high // 2
    eye = draft.between(max(1, r * 0.3), max(1, r * 0.6))
    eyes = [circle(r, r, eye), circle(wide - r, r, eye if draft.chance(0.6) else max(1, eye - 1))]
    draft.body(2, 0, thick, obround((0, 0, wide, high)), eyes)
    ring = r if draft.chance(0.4) else max(eye + 1, draft.between(eye + 1, r))
    if draft.left and ring > eye and draft.chance(0.7):
        height = draft.between(2, max(2, draft.size * 0.25))
        profiles = [Profile(circle(x, r, ring), (loop,)) for x, loop in zip((r, wide - r), eyes, strict=True)]
        chosen = profiles if draft.chance(0.5) else profiles[:1]
        draft.join(Site(2, thick, 1, (0, 0, wide, high), thick), height, *chosen)
    if wide - 4 * r >= 6:
        draft.sites = [Site(2, thick, 1, (2 * r + 1, 2, wide - 2 * r - 1, high - 2), thick)]
    elif draft.left and ring > eye and draft.chance(0.7):
        profiles = [Profile(circle(x, r, ring), (loop,)) for x, loop in zip((r, wide - r), eyes, strict=True)]
        draft.join(Site(2, 0, -1, (0, 0, wide, high), thick), draft.between(1, max(1, thick)), *profiles)
