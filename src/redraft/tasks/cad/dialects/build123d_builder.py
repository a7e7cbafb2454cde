"""One open builder of build123d: what its block has gathered, and what it hands on at its end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.bodies import Body, cut, gathered, intersect, moved, union
from redraft.tasks.cad.dialects.build123d_objects import MODES, Edges, Mode
from redraft.tasks.cad.dialects.flats import Flat, added, placed, subtracted
from redraft.tasks.cad.dialects.planes import WORLD
from redraft.tasks.cad.program.transform import map_profile
from redraft.tasks.cad.program.types import Plane


@dataclass
class Builder:
    """One open `with Build...`: what it has gathered. places: where objects go, innermost Locations last."""

    kind: str
    plane: Plane = WORLD
    mode: Mode = Mode.ADD
    body: Body | None = None
    flat: Flat | None = None
    pending: list[Flat] = field(default_factory=list)
    edges: Edges = field(default_factory=lambda: Edges(()))
    places: list[tuple[Plane, ...]] = field(default_factory=list)

    def put(self, made: Flat | Body | Edges, mode: Mode) -> None:
        """An object at each of the places."""
        if isinstance(made, Edges):
            if self.kind != "BuildLine":
                raise Refusal("a line outside a BuildLine", remedy="Draw it in a BuildLine", code="refused")
            if mode is not Mode.PRIVATE:
                self.edges = Edges(self.edges.curves + made.curves)
            return
        for frame in self.places[-1] if self.places else (WORLD,):
            if isinstance(made, Flat):
                self.face(_flat_at(made, frame, self.kind), mode)
            else:
                self.solid(moved(made, frame), mode)

    def solid(self, body: Body, mode: Mode) -> None:
        """Combines a body with what the builder holds; steps of the builder stay apart."""
        _is_mode(mode)
        if self.kind != "BuildPart":
            raise Refusal("a solid in a sketch", remedy="Make it in the BuildPart", code="refused")
        if mode is Mode.PRIVATE:
            return
        if self.body is None:
            if mode is not Mode.ADD:
                raise Refusal("a cut or intersection before there is a body", remedy="Add first", code="refused")
            self.body = replace(body, fresh=False)
        else:
            act = {Mode.ADD: union, Mode.SUBTRACT: cut, Mode.INTERSECT: intersect}[mode]
            self.body = replace(act(self.body, body), fresh=False)

    def face(self, flat: Flat, mode: Mode) -> None:
        """Adds a face to the sketch or subtracts it; in a part it waits for extrude."""
        _is_mode(mode)
        if mode is Mode.PRIVATE:
            return
        if self.kind == "BuildPart":
            self.pending.append(flat)
        elif mode is Mode.ADD:
            self.flat = flat if self.flat is None else added(self.flat, flat)
        elif mode is Mode.SUBTRACT and self.flat is not None:
            self.flat = subtracted(self.flat, flat)
        else:
            raise Refusal(
                "faces intersected, or subtracted from nothing", remedy="Draw the outline", code="refused"
            )

    def close(self, outer: Builder | None) -> None:
        """What a builder hands to the one around it when its block ends."""
        if self.kind == "BuildPart":
            if self.body is None:
                raise Refusal("a BuildPart without a body", remedy="Extrude in it")
            if outer is not None and self.mode is not Mode.PRIVATE:
                outer.solid(gathered(self.body), self.mode)
        elif self.kind == "BuildSketch":
            if self.flat is None:
                raise Refusal("a BuildSketch without a face", remedy="Draw in it, and make_face()")
            self.flat = placed(self.flat, self.plane)
            if outer is not None and outer.kind == "BuildPart" and self.mode is not Mode.PRIVATE:
                outer.pending.append(self.flat)
        elif outer is not None and outer.kind == "BuildSketch" and self.mode is not Mode.PRIVATE:
            outer.edges = Edges(outer.edges.curves + self.edges.curves)


def _is_mode(mode: object) -> None:
    if not isinstance(mode, Mode):
        raise Refusal("a mode unknown", remedy=f"Use {', '.join(MODES)}", code="refused")


def _flat_at(flat: Flat, frame: Plane, kind: str) -> Flat:
    """A face at a place: in a sketch its coordinates are shifted, in a part its plane is."""
    if frame == WORLD:
        return flat
    if kind == "BuildPart":
        return placed(flat, frame)
    if frame.origin[2] != 0:
        raise Refusal("a place above its sketch", remedy="Give places of two numbers", code="refused")
    x, y, _ = frame.origin
    return replace(flat, profiles=tuple(map_profile(p, lambda q: (q[0] + x, q[1] + y)) for p in flat.profiles))
