"""Generated parts as examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from redraft.core.example import Example
from redraft.core.spread import Payload, Spreads, spreading
from redraft.core.work import Work
from redraft.tasks.cad.generate import Pool, generate_parts
from redraft.tasks.cad.kernel.outcome import Outcome
from redraft.tasks.cad.kernel.pool import KernelPool, shared_pool
from redraft.tasks.cad.options import CadOptions
from redraft.tasks.cad.truth import example_of, images_of, truth_of
from redraft.tasks.cad.views.style import ViewStyle


def produce_examples(count: int, seed: int, options: Mapping[str, Any], work: Work) -> Iterator[Example]:
    """count examples of generated parts, named by seed and number. options: complete ones."""
    chosen = CadOptions.model_validate(dict(options))
    style = ViewStyle.from_data(chosen.style)
    made = generate_parts(count, seed, chosen.parts(), work, _Drawing(_pool(work), chosen.exact), style)
    for number, part in enumerate(made):
        images = [{"path": f"{name}.png", "bytes": data} for name, data in (part.images or {}).items()]
        described = {"measure": part.measure, "images": images}
        truth = truth_of(part.program, described, family=part.family, source=f"made from seed {part.seed}")
        yield example_of(f"part-{seed}-{number:06}", truth, images_of(described), options, part.seed)


@cache
def _own() -> KernelPool:
    return KernelPool(workers=1)  # the cluster decides how many of us there are on a machine


def pieces(job: str, payloads: Sequence[Payload]) -> list[Outcome]:
    """See `core.spread.MakesPieces`. job: of the kernel, "describe" or "measure"."""
    return list(_own().map(job, (dict(payload) for payload in payloads)))


def _pool(work: Work) -> Pool:
    elsewhere = spreading(work)
    return shared_pool() if elsewhere is None else _Elsewhere(elsewhere)


class _Elsewhere:
    """The kernel's pools of other machines; a single call is quicker here."""

    def __init__(self, elsewhere: Spreads) -> None:
        self._elsewhere = elsewhere

    def call(self, job: str, payload: dict[str, Any]) -> Outcome:
        return shared_pool().call(job, payload)

    def map(self, job: str, payloads: Iterable[dict[str, Any]]) -> Iterator[Outcome]:
        return self._elsewhere.spread(job, payloads)


class _Drawing:
    """The kernel's pool, told by which projection to draw."""

    def __init__(self, pool: Pool, exact: bool | None) -> None:
        self._pool, self._exact = pool, exact

    def call(self, job: str, payload: dict[str, Any]) -> Any:
        return self._pool.call(job, payload | {"exact": self._exact})

    def map(self, job: str, payloads: Iterable[dict[str, Any]]) -> Iterator[Outcome]:
        return self._pool.map(job, (payload | {"exact": self._exact} for payload in payloads))
