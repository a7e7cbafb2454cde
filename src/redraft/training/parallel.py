"""The model as this process computes it: alone, as one of equal copies (DDP), or in shards (FSDP2).

DistributedDataParallel: https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html
fully_shard: https://docs.pytorch.org/docs/stable/distributed.fsdp.fully_shard.html

Both average gradients over the processes, so a loss is handed in times their number; the caller divides it by the
supervised tokens of all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from redraft.core.errors import RecipeError
from redraft.core.recipe import Recipe
from redraft.models.collate import Batch, unwrapped
from redraft.models.load import Loaded
from redraft.training.processes import Processes

LossOf = Callable[[Any, Batch], Tensor]
"""The summed loss of a model on a batch, a scalar."""


class _Forward(nn.Module):
    """The whole way to the loss as one forward, so that the wrappers' hooks stand around all of it."""

    def __init__(self, model: nn.Module, loss: LossOf) -> None:
        super().__init__()
        self.model, self._loss = model, loss

    def forward(self, batch: Batch | None) -> Tensor:
        """Without a batch nothing is computed: a first call tells FSDP which module is the outermost."""
        return torch.zeros(()) if batch is None else self._loss(self.model, batch)


class Whole:
    """One process with the model as it is, and the base of the others."""

    sharded = False

    def __init__(self, loaded: Loaded, loss: LossOf) -> None:
        self.loaded, self._loss = loaded, loss

    def loss(self, batch: Batch) -> Tensor:
        """The summed loss of this process's batch, on the way to a backward pass."""
        return self._loss(self.loaded.model, batch)

    def accumulating(self, last: bool) -> Any:
        """Around forward and backward of a micro-batch. last: of its step, after which gradients are complete."""
        return nullcontext()

    def clip(self, parameters: Sequence[nn.Parameter], limit: float) -> float:
        """Scales the gradient down to the norm `limit`; its norm before, over all shards."""
        return float(torch.nn.utils.clip_grad_norm_(parameters, limit))

    @contextmanager
    def usable(self) -> Iterator[None]:
        """Inside, the main process may call loaded.model by itself. All processes enter and leave together."""
        yield

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Inside, loaded.model of the main process holds its whole weights, to be saved. All enter together."""
        yield

    def mine(self, tensor: Tensor) -> Tensor:
        """What this process holds of a tensor that belongs to a weight, to be saved."""
        return tensor

    def split(self, parameter: Tensor, whole: Tensor) -> Tensor:
        """A whole tensor that belongs to a weight as this process's optimiser takes it."""
        return whole


class Copies(Whole):
    """DDP: gradients are averaged in buckets while the backward pass of the last micro-batch still runs.

    Where something besides the language model is trained, parameters without a gradient are looked for in every
    step (`find_unused_parameters`): one process may have text alone where another has pictures.
    """

    def __init__(self, loaded: Loaded, loss: LossOf) -> None:
        super().__init__(loaded, loss)
        self._wrapped = nn.parallel.DistributedDataParallel(
            _Forward(loaded.model, loss),
            # One process, one device: the model and its batches are there already.
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=_may_be_unused(loaded),
            gradient_as_bucket_view=True,
        )

    def loss(self, batch: Batch) -> Tensor:
        found: Tensor = self._wrapped(batch)
        return found

    def accumulating(self, last: bool) -> Any:
        return nullcontext() if last else self._wrapped.no_sync()


class Shards(Whole):
    """FSDP2: each process holds a part of every weight, its gradient and its moments.

    Blocks of the model are gathered one at a time. Gradients are reduced after every micro-batch, since keeping
    them whole until the last one would take the memory that sharding saves. Frozen parts outside the blocks stay
    whole in every process: they have no gradient and no moments, and gathering them would cost time.
    """

    sharded = True

    def __init__(self, loaded: Loaded, loss: LossOf, processes: Processes) -> None:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import FSDPModule, fully_shard

        super().__init__(loaded, loss)
        if not hasattr(FSDPModule, "reset_iter_state"):
            raise RecipeError(
                f"torch {torch.__version__} cannot shard a model whose processes see different things",
                where="train.parallel",
                remedy="Install torch 2.13 or later, or give train.parallel: ddp",
            )
        self.mesh = init_device_mesh(loaded.device.type, (processes.count,))
        blocks = list(shard_blocks(loaded))
        within = {id(p) for block in blocks for p in block.parameters()}
        apart = {p for p in loaded.model.parameters() if not p.requires_grad and id(p) not in within}
        for block in blocks:
            fully_shard(block, mesh=self.mesh)
        outermost: Any = _Forward(loaded.model, loss)
        self._wrapped: Any = fully_shard(outermost, mesh=self.mesh, ignored_params=apart)
        self._blocks: list[Any] = blocks
        self._all: list[Any] = [m for m in outermost.modules() if isinstance(m, FSDPModule)]
        self._wrapped.set_reduce_scatter_unused_params(True)  # text alone in one process, pictures in another
        if loaded.device.type == "cpu":
            for module in self._all:  # gloo knows sums, but no averages
                module.set_force_sum_reduction_for_comms(True)
        self._wrapped(None)
        self._wrapped.reshard()

    def loss(self, batch: Batch) -> Tensor:
        found: Tensor = self._wrapped(batch)
        return found

    def clip(self, parameters: Sequence[nn.Parameter], limit: float) -> float:
        norm: Any = torch.nn.utils.clip_grad_norm_(parameters, limit if math.isfinite(limit) else math.inf)
        return float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)

    @contextmanager
    def usable(self) -> Iterator[None]:
        """Every process gathers the whole model and keeps it, so that the main one answers without the others."""
        for block in self._blocks:
            block.set_reshard_after_forward(False)
        for module in self._all:
            module.unshard()
        try:
            yield
        finally:
            for block in self._blocks:
                block.set_reshard_after_forward(True)
            for module in self._all:
                module.reshard()
            # The main process has computed more than the others; what they gather next must be the same again.
            self._wrapped.reset_iter_state()

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """The main process's weights are on the CPU inside; a weight that two modules share stays one."""
        main = self.mesh.get_local_rank() == 0
        known: dict[int, nn.Parameter] = {}
        before: list[tuple[nn.Module, str, Any]] = []
        for module in self.loaded.model.modules():
            for name, parameter in list(module.named_parameters(recurse=False, remove_duplicate=False)):
                if not isinstance(parameter, DTensor):
                    continue
                if id(parameter) not in known:
                    whole = parameter.full_tensor()
                    kept = whole.detach().cpu() if main else torch.empty(0)
                    known[id(parameter)] = nn.Parameter(kept, requires_grad=parameter.requires_grad)
                if main:
                    before.append((module, name, parameter))
        for module, name, parameter in before:
            module._parameters[name] = known[id(parameter)]
        try:
            yield
        finally:
            for module, name, parameter in before:
                module._parameters[name] = parameter

    def mine(self, tensor: Tensor) -> Tensor:
        return tensor.to_local() if isinstance(tensor, DTensor) else tensor

    def split(self, parameter: Tensor, whole: Tensor) -> Tensor:
        if not isinstance(parameter, DTensor) or whole.ndim == 0:
            return whole
        parts = whole.chunk(self.mesh.size(), dim=0)
        rank = self.mesh.get_local_rank()
        part = parts[rank] if rank < len(parts) else whole[:0]
        return DTensor.from_local(
            part.to(parameter.device),
            self.mesh,
            parameter.placements,
            run_check=False,
            shape=whole.shape,
            stride=whole.stride(),
        )


def spread(loaded: Loaded, loss: LossOf, recipe: Recipe, processes: Processes) -> Whole:
    """The model over the processes as the recipe asks; call it before the optimiser is made.

    A combination that cannot be sharded is a RecipeError.
    """
    if processes.count == 1:
        return Whole(loaded, loss)
    if recipe.train.parallel == "ddp":
        return Copies(loaded, loss)
    for key, wrong, remedy in (
        ("train.compile", recipe.train.compile, "Give train.compile: false"),
        (
            "model.quantise",
            recipe.model.quantise is not None,
            "Remove model.quantise, or give train.parallel: ddp",
        ),
        ("train.optimiser", recipe.train.optimiser != "adamw", "Give train.optimiser: adamw"),
        ("train.precision", recipe.train.precision == "fp16", "Give train.precision: bf16 or fp32"),
    ):
        if wrong:
            raise RecipeError("this does not go together with train.parallel: fsdp", where=key, remedy=remedy)
    return Shards(loaded, loss, processes)


def _may_be_unused(loaded: Loaded) -> bool:
    """Whether a batch may leave a trained parameter without a gradient: the vision side's, where there is text
    alone, or an expert's that no token chose."""
    inner = unwrapped(loaded.model)
    always = [inner.get_output_embeddings()]
    if hasattr(inner, "get_decoder"):
        always.append(inner.get_decoder())
    used = {id(p) for module in always if module is not None for p in module.parameters()}
    trained = ((name, p) for name, p in inner.named_parameters() if p.requires_grad)
    return any(id(p) not in used or "expert" in name for name, p in trained)


def shard_blocks(loaded: Loaded) -> Iterator[nn.Module]:
    """The repeated blocks of the language model: every process computes each of them in every pass.

    The vision side's are not among them: where one process has text alone, it would not take part in their
    gathering, and the others would wait for it.
    """
    inner = unwrapped(loaded.model)
    decoder = inner.get_decoder() if hasattr(inner, "get_decoder") else inner
    for child in decoder.children():
        if isinstance(child, nn.ModuleList):
            yield from child
