"""Families of flat and square parts: each begins a part inside its size and leaves sites for features."""

from __future__ import annotations

from redraft.tasks.cad.parts.details import hole_pattern, leave_middle
from redraft.tasks.cad.parts.draft import Draft, Site
from redraft.tasks.cad.parts.shapes import Rect, arched, chamfered, circle, obround, polygon, rectangle
from redraft.tasks.cad.program.types import Loop


def plate(draft: Draft) -> None:
    """A flat part of any outline, sometimes with its holes in the same sketch."""
    wide, high = draft.size, draft.pick(0.35, 1.0, even=True)
    thick = draft.pick(0.06, 0.25, least=2)
    rect: Rect = (0, 0, wide, high)
    outer, inset = _plate_outline(draft, rect)
    free: Rect = (inset, inset, wide - inset, high - inset)
    loops = hole_pattern(draft, free) if draft.chance(0.75 if draft.left == 1 else 0.25) else []
    draft.body(2, 0, thick, outer, loops)
    top = Site(2, 0, -1, free, thick) if draft.chance(0.2) else Site(2, thick, 1, free, thick)
    if loops:
        leave_middle(draft, top, loops)
    else:
        draft.sites = [top]
        _halve(draft)


def _plate_outline(draft: Draft, rect: Rect) -> tuple[Loop, int]:
    """An outline in a rectangle, and how far from its sides features must stay."""
    wide, high = rect[2], rect[3]
    short = min(wide, high)
    kind = draft.rng.choice(["rectangle", "rounded", "chamfered", "obround", "arched", "stepped", "hexagon"])
    if draft.simple:
        kind = draft.rng.choice(["rectangle", "rectangle", "rounded"])
    edge = max(1, draft.size // 32)
    if kind == "rounded":
        r = draft.between(max(1, short * 0.06), short * 0.3)
        return rectangle(rect, r), max(edge, -(-r * 3 // 10))
    if kind == "chamfered":
        c = draft.between(max(1, short * 0.06), short * 0.2)
        return chamfered(rect, c), max(edge, -(-c // 2))
    if kind == "obround" and wide > high:
        return obround(rect), -(-int(high) * 3 // 20) + 1
    if kind == "arched" and high > wide / 2:
        return arched(rect, wide / 2), -(-int(wide) * 3 // 20) + 1
    if kind == "stepped":
        n = draft.between(max(2, short * 0.1), short * 0.3)
        m = draft.between(max(2, wide * 0.1), wide * 0.3)
        r = draft.between(0, min(n, m) // 3) if draft.chance(0.6) else 0
        points = [(0, 0), (wide, 0), (wide, high - n), (wide - m, high - n), (wide - m, high), (m, high)]
        points += [(m, high - n), (0, high - n)]
        return polygon(points, [r] * 8), int(max(n, m)) + 1
    if kind == "hexagon":
        slope = min(short // 2 - 1, round(high * 0.2887))
        points = [
            (slope, 0),
            (wide - slope, 0),
            (wide, high / 2),
            (wide - slope, high),
            (slope, high),
            (0, high / 2),
        ]
        return polygon(points), int(slope) // 2 + 2
    return rectangle(rect), edge


def block(draft: Draft) -> None:
    """A solid of like sides: stepped, notched, or an outline met by another one."""
    wide = draft.size
    deep, high = draft.pick(0.35, 0.9, even=True), draft.pick(0.3, 0.8, even=True)
    kind = "plain" if draft.simple else draft.rng.choice(["plain", "step", "notch", "met", "slotted"])
    if draft.left == 1 and not draft.simple and draft.chance(0.85):
        kind = "step"
    if kind == "met" and draft.left >= 2:
        _met(draft, wide, deep, high)
        return
    if kind == "step":
        m, n = draft.pick(0.2, 0.6), draft.between(2, high * 0.6)
        draft.body(1, 0, deep, polygon([(0, 0), (wide, 0), (wide, n), (m, n), (m, high), (0, high)]))
        draft.sites = [
            Site(2, n, 1, (m + 1, 1, wide - 1, deep - 1), n),
            Site(2, high, 1, (1, 1, m - 1, deep - 1), high),
        ]
        return
    draft.body(2, 0, high, rectangle((0, 0, wide, deep)))
    if kind == "notch" and draft.left >= 1:
        m, n = draft.pick(0.15, 0.5), draft.between(2, deep * 0.5)
        corner = draft.rng.choice([(0, 0), (wide - m, 0), (0, deep - n), (wide - m, deep - n)])
        depth = high if draft.chance(0.5) else draft.between(1, high - 1)
        x, y = corner
        draft.cut(Site(2, high, 1, (0, 0, wide, deep), high), depth, rectangle((x, y, x + m, y + n)))
        rect = (1, n + 1, wide - 1, deep - 1) if y == 0 else (1, 1, wide - 1, deep - n - 1)
        draft.sites = [Site(2, high, 1, rect, high)]
        return
    if kind == "slotted" and draft.left >= 1:
        m, n = draft.pick(0.15, 0.45, even=True), draft.between(1, high * 0.6)
        a = (wide - m) / 2 // 1
        front = Site(1, 0, -1, (0, 0, wide, high), deep)
        draft.cut(front, deep, rectangle((a, high - n, a + m, high)))
        draft.sites = [Site(2, high - n, 1, (a + 1, 1, a + m - 1, deep - 1), high - n)]
        return
    draft.sites = [
        Site(2, high, 1, (1, 1, wide - 1, deep - 1), high),
        Site(1, 0, -1, (1, 1, wide - 1, high - 1), deep),
        Site(0, wide, 1, (1, 1, deep - 1, high - 1), wide),
    ]
    if draft.simple:
        draft.sites = draft.sites[:1]


def _met(draft: Draft, wide: int, deep: int, high: int) -> None:
    """A profile seen from the front that keeps only what lies inside an outline seen from above."""
    thick = draft.between(2, max(2, high * 0.45))
    leg = draft.between(2, max(2, wide * 0.4))
    draft.body(1, 0, deep, polygon([(0, 0), (wide, 0), (wide, thick), (leg, thick), (leg, high), (0, high)]))
    rect: Rect = (0, 0, wide, deep)
    kind = draft.rng.choice(["rounded", "chamfered", "trapezoid", "obround"])
    if kind == "rounded":
        outline = rectangle(rect, draft.between(1, deep * 0.45))
    elif kind == "chamfered":
        outline = chamfered(rect, draft.between(1, deep * 0.3))
    elif kind == "obround" and wide > deep:
        outline = obround(rect)
    else:
        t = draft.between(1, deep * 0.3)
        outline = polygon([(0, 0), (wide, t), (wide, deep - t), (0, deep)])
    draft.intersect(2, 0, high, outline)
    inset = int(deep * 0.3) + 1
    draft.sites = [Site(2, thick, 1, (leg + 1, inset, wide - inset, deep - inset), thick)]


def bracket(draft: Draft) -> None:
    """L, U or T of even thickness, or a foot with an upright lug."""
    kind = draft.rng.choice(["l", "l", "u", "t", "lug"])
    if kind == "lug" and draft.left >= 2:
        _lug(draft)
        return
    wide, high = draft.size, draft.pick(0.4, 1.0)
    deep, t = draft.pick(0.25, 0.8, even=True), draft.pick(0.08, 0.2, least=2)
    free_low, free_high = 1, deep - 1
    inner = draft.between(1, max(1, min(wide, high) * 0.15)) if draft.chance(0.35) and not draft.simple else 0
    outer = inner + t if inner and draft.chance(0.5) else 0
    if kind == "u":
        points = [(0, 0), (wide, 0), (wide, high), (wide - t, high), (wide - t, t), (t, t), (t, high), (0, high)]
        draft.body(1, 0, deep, polygon(points, [outer, outer, 0, 0, inner, inner, 0, 0]))
        draft.sites = [
            Site(2, t, 1, (t + inner + 1, free_low, wide - t - inner - 1, free_high), t),
            Site(0, wide, 1, (free_low, t + outer + 1, free_high, high - 1), t),
        ]
    elif kind == "t":
        a = (wide - t) // 2
        points = [(0, 0), (wide, 0), (wide, t), (a + t, t), (a + t, high), (a, high), (a, t), (0, t)]
        draft.body(1, 0, deep, polygon(points, [0, 0, 0, inner, 0, 0, inner, 0]))
        draft.sites = [
            Site(2, t, 1, (a + t + inner + 1, free_low, wide - 1, free_high), t),
            Site(2, t, 1, (1, free_low, a - inner - 1, free_high), t),
            Site(0, a + t, 1, (free_low, t + inner + 1, free_high, high - 1), t),
        ]
    else:
        points = [(0, 0), (wide, 0), (wide, t), (t, t), (t, high), (0, high)]
        draft.body(1, 0, deep, polygon(points, [outer, 0, 0, inner, 0, 0]))
        draft.sites = [
            Site(2, t, 1, (t + inner + 1, free_low, wide - 1, free_high), t),
            Site(0, 0, -1, (free_low, t + outer + inner + 1, free_high, high - 1), t),
        ]
    draft.sites = [site for site in draft.sites if site.wide >= 3 and site.high >= 3]


def _lug(draft: Draft) -> None:
    """A foot, and on it one or two upright lugs with an eye."""
    wide, deep = draft.size, draft.pick(0.4, 0.8, even=True)
    t = draft.pick(0.08, 0.18, least=2)
    foot: Rect = (0, 0, wide, deep)
    r = draft.between(1, deep * 0.25) if draft.chance(0.4) else 0
    draft.body(2, 0, t, rectangle(foot, r))
    w = draft.between(max(6, wide * 0.3), wide * 0.6, even=True)
    high = draft.between(w * 0.7, draft.size - t)
    a = (wide - w) // 2
    thick = draft.between(2, max(2, deep * 0.3))
    eye = draft.between(1, max(1, w * 0.3))
    y = draft.between(0, deep - thick) if draft.chance(0.5) else (deep - thick) // 2
    upright = arched((a, t, a + w, t + high), w / 2)
    hole = circle(a + w / 2, t + high - w / 2, eye)
    draft.body(1, y, y + thick, upright, [hole])
    side = a - 1
    if side >= 4:
        draft.sites = [
            Site(2, t, 1, (1, 1, side, deep - 1), t),
            Site(2, t, 1, (a + w + 1, 1, wide - 1, deep - 1), t),
        ]


def profile(draft: Draft) -> None:
    """A drawn section: C, I, Z, cross or hollow, long or short, with rounded corners."""
    wide, high = draft.size, draft.pick(0.4, 1.0, even=True)
    long = draft.pick(0.2, 0.9, least=2)
    t = draft.pick(0.08, 0.2, least=2)
    kind = draft.rng.choice(["c", "i", "z", "cross", "hollow"])
    r = draft.between(1, t - 1) if t > 2 and draft.chance(0.5) else 0
    a, b = (wide - t) // 2, (high - t) // 2
    hole: list[Loop] = []
    if kind == "c":
        points = [(0, 0), (wide, 0), (wide, t), (t, t), (t, high - t), (wide, high - t), (wide, high), (0, high)]
        radii = [r, 0, 0, r, r, 0, 0, r]
    elif kind == "i":
        points = [(0, 0), (wide, 0), (wide, t), (a + t, t), (a + t, high - t), (wide, high - t), (wide, high)]
        points += [(0, high), (0, high - t), (a, high - t), (a, t), (0, t)]
        radii = [0, 0, 0, r, r, 0, 0, 0, 0, r, r, 0]
    elif kind == "z":
        points = [(0, 0), (a + t, 0), (a + t, high - t), (wide, high - t), (wide, high), (a, high), (a, t), (0, t)]
        radii = [0, r, r, 0, 0, r, r, 0]
    elif kind == "cross":
        points = [(a, 0), (a + t, 0), (a + t, b), (wide, b), (wide, b + t), (a + t, b + t), (a + t, high)]
        points += [(a, high), (a, b + t), (0, b + t), (0, b), (a, b)]
        radii = [0, 0, r, 0, 0, r, 0, 0, r, 0, 0, r]
    else:
        points, radii = [(0, 0), (wide, 0), (wide, high), (0, high)], [r] * 4
        hole = [rectangle((t, t, wide - t, high - t), max(0, r - 1) if draft.chance(0.5) else 0)]
    draft.body(1, 0, long, polygon(points, radii), hole)
    web = Site(0, 0, -1, (1, t + 1, long - 1, high - t - 1), t)
    foot = Site(2, 0, -1, (1, 1, wide - 1, long - 1), t)
    places = {
        "c": [web, Site(2, high, 1, (t + 1, 1, wide - 1, long - 1), t)],
        "i": [foot, Site(2, high, 1, foot.rect, t)],
        "z": [Site(2, high, 1, (a + t + 1, 1, wide - 1, long - 1), t), Site(2, 0, -1, (1, 1, a - 1, long - 1), t)],
        "cross": [
            Site(2, b + t, 1, (a + t + r + 1, 1, wide - 1, long - 1), t),
            Site(2, b + t, 1, (1, 1, a - r - 1, long - 1), t),
        ],
        "hollow": [web, Site(2, high, 1, (t + 1, 1, wide - t - 1, long - 1), t)],
    }
    draft.sites = [site for site in places[kind] if min(site.wide, site.high) >= 3]


def tray(draft: Draft) -> None:
    """A box with a wide pocket, and something standing in it."""
    wide = draft.size
    deep, high = draft.pick(0.45, 1.0, even=True), draft.pick(0.15, 0.5, least=4)
    wall = draft.pick(0.05, 0.12, least=2)
    r = draft.between(wall, deep * 0.25) if draft.chance(0.55) else 0
    draft.body(2, 0, high, rectangle((0, 0, wide, deep), r))
    floor = draft.between(1, max(1, high * 0.4))
    inside: Rect = (wall, wall, wide - wall, deep - wall)
    top = Site(2, high, 1, inside, high)
    if draft.left <= 0:
        draft.steps.clear()
        draft.box.clear()
        frame = rectangle(inside, max(0, r - wall))
        draft.body(2, 0, high, rectangle((0, 0, wide, deep), r), [frame])
        return
    draft.cut(top, high - floor, rectangle(inside, max(0, r - wall)))
    m = wall + max(0, r - wall) // 2 + 1
    draft.sites = [
        Site(2, floor, 1, (m, m, wide - m, deep - m), floor),
        Site(1, 0, -1, (wall + r + 1, floor + 1, wide - wall - r - 1, high - 1), wall),
    ]
    draft.sites = [s for s in draft.sites if s.wide >= 4 and s.high >= 4]


def _halve(draft: Draft) -> None:
    """Makes two sites of a wide one, so that a second feature finds room beside the first."""
    site = draft.sites[0]
    if draft.left < 2 or site.wide < 12 or draft.chance(0.4):
        return
    x0, y0, x1, y1 = site.rect
    cut = x0 + (x1 - x0) * draft.rng.choice([0.4, 0.5, 0.6]) // 1
    draft.sites = [
        Site(site.axis, site.level, site.out, (x0, y0, cut, y1), site.depth),
        Site(site.axis, site.level, site.out, (cut, y0, x1, y1), site.depth),
    ]
