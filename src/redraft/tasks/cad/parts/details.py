"""Features that go on a site: holes and their patterns, pockets, slots, bosses, ribs.

Every feature returns whether it found room. It takes the site it uses off the draft's list and may add new ones.
"""

from __future__ import annotations

from collections.abc import Callable

from redraft.tasks.cad.parts.draft import Draft, Site
from redraft.tasks.cad.parts.shapes import Rect, arched, circle, obround, rectangle, teardrop
from redraft.tasks.cad.program.types import Loop, Profile, Vec2

Feature = Callable[[Draft, Site], bool]


def add_features(draft: Draft) -> None:
    """Fills the draft up to its wanted number of extrusions, as far as sites allow."""
    for _ in range(40):
        if draft.left <= 0 or not draft.sites:
            return
        site = draft.rng.choice(draft.sites)
        weights = SIMPLE if draft.simple else FULL
        feature = draft.rng.choices(list(weights), list(weights.values()))[0]
        count = len(draft.steps)
        draft.sites.remove(site)
        if not feature(draft, site) and len(draft.steps) == count and draft.chance(0.85):
            draft.sites.append(site)


def holes(draft: Draft, site: Site) -> bool:
    """One hole or a pattern of equal ones, right through."""
    loops = hole_pattern(draft, site.rect)
    if not loops:
        return False
    draft.cut(site, site.depth, *loops)
    leave_middle(draft, site, loops)
    return True


def leave_middle(draft: Draft, site: Site, loops: list[Loop]) -> None:
    """Adds the free place between the holes of a pattern as a new site, where there is one."""
    if len(loops) < 2 or draft.simple:
        return
    (x0, y0, x1, y1), (cx, cy) = site.rect, site.middle
    boxes = [loop.box for loop in loops]
    if site.wide >= site.high:
        x0 = max([x0, *(b[1][0] + 1 for b in boxes if b[1][0] < cx)])
        x1 = min([x1, *(b[0][0] - 1 for b in boxes if b[0][0] > cx)])
    else:
        y0 = max([y0, *(b[1][1] + 1 for b in boxes if b[1][1] < cy)])
        y1 = min([y1, *(b[0][1] - 1 for b in boxes if b[0][1] > cy)])
    blocked = any(b[1][0] > x0 and b[0][0] < x1 and b[1][1] > y0 and b[0][1] < y1 for b in boxes)
    if not blocked and min(x1 - x0, y1 - y0) >= 5:
        draft.sites.append(Site(site.axis, site.level, site.out, (x0, y0, x1, y1), site.depth))


def hole_pattern(draft: Draft, rect: Rect) -> list[Loop]:
    """One hole in the middle, a pair, a row, a grid, or four to a circle; empty where there is no room."""
    x0, y0, x1, y1 = rect
    wide, high = x1 - x0, y1 - y0
    least = max(1, draft.size // 48)
    short = min(wide, high)
    if short < 2 * least + 2:
        return []
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    kinds = ["one", "pair", "pair", "row", "grid", "ring"]
    kind = draft.rng.choice(kinds[:3] if draft.simple else kinds)
    if kind == "one" or short < 4 * least + 2:
        r = draft.between(least, max(least, short * 0.3))
        x, y = _whole(cx), _whole(cy)
        if draft.chance(0.4):
            x, y = draft.between(x0 + r + 1, x1 - r - 1), draft.between(y0 + r + 1, y1 - r - 1)
        fits = x - r > x0 and x + r < x1 and y - r > y0 and y + r < y1
        return [circle(x, y, r)] if fits else []
    r = draft.between(least, max(least, short * 0.14))
    inset = r + draft.between(1, max(1, short * 0.12))
    spots: list[Vec2]
    if kind == "ring":
        reach = _whole(short / 2 - inset)
        x, y = _whole(cx), _whole(cy)
        if reach <= 2 * r:
            return []
        spots = [(x + reach, y), (x, y + reach), (x - reach, y), (x, y - reach)]
    elif kind == "grid":
        spots = [(x, y) for x in (x0 + inset, x1 - inset) for y in (y0 + inset, y1 - inset)]
        if min(wide, high) - 2 * inset <= 2 * r:
            return []
    elif wide >= high:
        spots = [(x, _whole(cy)) for x in _row(draft, kind, x0 + inset, x1 - inset, r)]
    else:
        spots = [(_whole(cx), y) for y in _row(draft, kind, y0 + inset, y1 - inset, r)]
    if any(x - r <= x0 or x + r >= x1 or y - r <= y0 or y + r >= y1 for x, y in spots):
        return []
    return [circle(x, y, r) for x, y in spots]


def _row(draft: Draft, kind: str, first: float, last: float, r: float) -> list[float]:
    if last - first <= 2 * r:
        return []
    if kind == "pair":
        return [first, last]
    most = int((last - first) // (2 * r + 1)) + 1
    counts = [n for n in (3, 4, 5) if n <= most and (last - first) % (n - 1) == 0]
    if not counts:
        return [first, last]
    n = draft.rng.choice(counts)
    return [first + i * (last - first) / (n - 1) for i in range(n)]


def pocket(draft: Draft, site: Site) -> bool:
    """A blind pocket of any outline, or a window right through."""
    rect = _inner(draft, site.rect, 0.35, 0.8)
    if rect is None:
        return False
    through = draft.chance(0.25)
    if not through and site.depth < 2:
        return False
    depth = site.depth if through else draft.between(max(1, site.depth * 0.2), max(1, site.depth * 0.75))
    draft.cut(site, depth, _outline(draft, rect))
    if not through and depth < site.depth and draft.chance(0.4):
        floor = site.level - site.out * depth
        draft.sites.append(Site(site.axis, floor, site.out, _shrunk(rect, 0.3), site.depth - depth))
    return True


def slot(draft: Draft, site: Site) -> bool:
    """A long hole right through, or two side by side."""
    x0, y0, x1, y1 = site.rect
    long_x = site.wide >= site.high
    length, width = (site.wide, site.high) if long_x else (site.high, site.wide)
    w = draft.between(2, max(2, min(width * 0.4, length * 0.3)), even=True)
    run = draft.between(length * 0.45, length * 0.85)
    if w + 2 > width or run + 2 > length or run <= w + 1:
        return False
    twins = draft.chance(0.3) and width >= 3 * w + 4 and not draft.simple
    a = _whole(((x0 + x1) if long_x else (y0 + y1)) / 2 - run / 2)
    low = y0 if long_x else x0
    starts = [low + _whole(width / 2 - w / 2)]
    if twins:
        gap = _whole((width - 2 * w) / 3)
        starts = [low + gap, low + width - gap - w]
    loops = [obround((a, b, a + run, b + w) if long_x else (b, a, b + w, a + run)) for b in starts]
    draft.cut(site, site.depth, *loops)
    return True


def boss(draft: Draft, site: Site) -> bool:
    """A raised cylinder, ring or block, with a new place on top of it."""
    rect = _inner(draft, site.rect, 0.35, 0.85)
    room = draft.room(site)
    least = max(1, draft.size // 24)
    if rect is None or room < least:
        return False
    height = draft.between(least, min(room, max(least, draft.size * 0.3)))
    wide, high = rect[2] - rect[0], rect[3] - rect[1]
    if draft.chance(0.55):
        d = min(wide, high) // 2 * 2
        cx, cy = _whole((rect[0] + rect[2]) / 2), _whole((rect[1] + rect[3]) / 2)
        r = d / 2
        if cx - r < site.rect[0] or cy - r < site.rect[1]:
            return False
        bore = [circle(cx, cy, draft.between(1, r * 0.6))] if r >= 4 and draft.chance(0.45) else []
        draft.join(site, height, Profile(circle(cx, cy, r), tuple(bore)))
        half = r * 0.6
        top: Rect = (cx - half, cy - half, cx + half, cy + half)
        if bore:
            return True
    else:
        draft.join(site, height, Profile(_outline(draft, rect)))
        top = _shrunk(rect, 0.3)
    top = (_up(top[0]), _up(top[1]), _down(top[2]), _down(top[3]))
    if top[2] - top[0] >= 3 and top[3] - top[1] >= 3:
        level = site.level + site.out * height
        draft.sites.append(Site(site.axis, level, site.out, top, height + site.depth))
    return True


def bosses(draft: Draft, site: Site) -> bool:
    """Two or four equal studs."""
    loops = hole_pattern(draft, site.rect)
    least = max(1, draft.size // 24)
    if len(loops) < 2 or draft.room(site) < least:
        return False
    height = draft.between(least, min(draft.room(site), max(least, draft.size * 0.2)))
    draft.join(site, height, *(Profile(loop) for loop in loops))
    return True


def rib(draft: Draft, site: Site) -> bool:
    """A bar across the whole site."""
    x0, y0, x1, y1 = site.rect
    room, least = draft.room(site), max(1, draft.size // 20)
    thick = draft.between(least, max(least, min(site.wide, site.high) * 0.25))
    if room < least or thick + 2 > min(site.wide, site.high):
        return False
    height = draft.between(least, min(room, max(least, draft.size * 0.25)))
    if site.wide >= site.high:
        a = draft.between(y0, y1 - thick)
        rect: Rect = (x0, a, x1, a + thick)
    else:
        a = draft.between(x0, x1 - thick)
        rect = (a, y0, a + thick, y1)
    draft.join(site, height, Profile(rectangle(rect)))
    return True


def counterbore(draft: Draft, site: Site) -> bool:
    """A wide blind hole, and a narrow one from its floor on."""
    short = min(site.wide, site.high)
    if draft.left < 2 or short < 8 or site.depth < 3:
        return holes(draft, site)
    wide = draft.between(3, short * 0.4)
    narrow = draft.between(max(1, wide * 0.4), max(1, wide * 0.7))
    x, y = (_whole(v) for v in site.middle)
    depth = draft.between(1, max(1, site.depth * 0.6))
    draft.cut(site, depth, circle(x, y, wide))
    floor = Site(site.axis, site.level - site.out * depth, site.out, site.rect, site.depth - depth)
    draft.cut(floor, floor.depth, circle(x, y, narrow))
    return True


SIMPLE: dict[Feature, float] = {holes: 5, pocket: 2, slot: 1, boss: 4}
FULL: dict[Feature, float] = {holes: 30, pocket: 14, slot: 11, boss: 22, bosses: 6, rib: 6, counterbore: 8}


def _inner(draft: Draft, rect: Rect, low: float, high: float) -> Rect | None:
    """A smaller rectangle of even sides inside, in the middle more often than not; None where none fits."""
    x0, y0, x1, y1 = rect
    w = draft.between((x1 - x0) * low, (x1 - x0) * high) // 2 * 2
    h = draft.between((y1 - y0) * low, (y1 - y0) * high) // 2 * 2
    if min(w, h) < 2 or w > x1 - x0 - 2 or h > y1 - y0 - 2:
        return None
    if draft.chance(0.6):
        a, b = _whole((x0 + x1 - w) / 2), _whole((y0 + y1 - h) / 2)
    else:
        a, b = draft.between(x0 + 1, x1 - w - 1), draft.between(y0 + 1, y1 - h - 1)
    return (a, b, a + w, b + h)


def _outline(draft: Draft, rect: Rect) -> Loop:
    wide, high = rect[2] - rect[0], rect[3] - rect[1]
    short = min(wide, high)
    kind = draft.rng.choice(["rectangle", "rectangle", "rounded", "obround", "arched", "drop"])
    if draft.simple and kind in ("arched", "drop"):
        kind = "rectangle"
    if kind == "rounded" and short >= 4:
        return rectangle(rect, draft.between(1, max(1, (short - 1) // 2)))
    if kind == "obround":
        return obround(rect)
    if kind == "arched" and high > wide / 2:
        return arched(rect, wide / 2)
    if kind == "drop" and short >= 16:
        half = int(short // 16) * 3
        return teardrop((rect[0] + rect[2]) / 2, rect[1] + 5 * half / 3, half)
    return rectangle(rect)


def _shrunk(rect: Rect, part: float) -> Rect:
    x0, y0, x1, y1 = rect
    dx, dy = (x1 - x0) * part / 2, (y1 - y0) * part / 2
    return (_up(x0 + dx), _up(y0 + dy), _down(x1 - dx), _down(y1 - dy))


def _whole(value: float) -> int:
    return int(value // 1)


def _up(value: float) -> int:
    return int(-((-value) // 1))


def _down(value: float) -> int:
    return int(value // 1)
