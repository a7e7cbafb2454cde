"""What the kernel says of a shape that cannot be made."""

from __future__ import annotations

from redraft.core.errors import RedraftError


class KernelFault(RedraftError):
    """The geometry kernel could not make, or would not accept, a shape.

    reason: one of the reason codes of a score, "execute" (an operation failed), "empty" (nothing is left),
    "invalid_solid" (what is left bounds no volume, or bounds it wrongly) or "non_manifold" (more than two faces
    meet at an edge). detail: one sentence without a full stop at its end.
    """

    def __init__(self, reason: str, detail: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(detail, where=where, remedy=remedy)
        self.reason, self.detail = reason, detail
