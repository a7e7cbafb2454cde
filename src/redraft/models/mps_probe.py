"""`python -m redraft.models.mps_probe`: a few training steps on Metal and the same ones on the CPU, as numbers.

Started by `mps.check_mps_stability` as a child process, because a Metal assertion ends the process it happens in.
Prints one JSON object: {"cpu": [...], "mps": [...]}, the losses and gradient norms of each step.
"""

from __future__ import annotations

import json
import sys

import torch
from torch import Tensor, nn
from torch.nn import functional

from redraft.models.device_layer import DeviceLayer, device_layer

STEPS = 3
WIDTH, HEADS, WORDS, TEXT = 64, 4, 512, 96


class Small(nn.Module):
    """The operations a vision-language model trains with: patches by convolution, features scattered among token
    embeddings, causal attention with padding, norms, and a loss that leaves tokens out."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 8, stride=8)
        self.words = nn.Embedding(WORDS, WIDTH)
        self.before = nn.LayerNorm(WIDTH)
        self.mix = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.after = nn.LayerNorm(WIDTH)
        self.widen = nn.Linear(WIDTH, 4 * WIDTH)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, WORDS, bias=False)

    def forward(self, pixels: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        features = self.patches(pixels).flatten(2).transpose(1, 2)
        hidden = self.words(ids)
        places = (ids == 0).unsqueeze(-1).expand_as(hidden)
        hidden = hidden.masked_scatter(places, features.to(hidden.dtype))
        rows, length = ids.shape
        query, key, value = (
            part.view(rows, length, HEADS, -1).transpose(1, 2)
            for part in self.mix(self.before(hidden)).chunk(3, dim=-1)
        )
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        hidden = hidden + self.out(seen.transpose(1, 2).reshape(rows, length, WIDTH))
        hidden = hidden + self.narrow(functional.gelu(self.widen(self.after(hidden))))
        logits: Tensor = self.head(hidden)
        return logits


def numbers(layer: DeviceLayer, name: str) -> list[float]:
    """The loss and the gradient's norm of each of STEPS steps in fp32, from the same seed on every device."""
    random = torch.Generator().manual_seed(7)
    torch.manual_seed(7)
    device = layer.torch_device(name)
    model = Small().to(device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    pixels = torch.rand(2, 3, 64, 64, generator=random)
    ids = torch.randint(1, WORDS, (2, TEXT), generator=random)
    ids[:, :64] = 0  # 64 patches a picture
    labels = ids.clone()
    labels[:, :70] = -100
    mask = torch.ones(TEXT, TEXT).tril().bool().expand(2, 1, TEXT, TEXT).clone()
    mask[1, :, :, -5:] = False  # padding
    found = []
    for _ in range(STEPS):
        logits = model(pixels.to(device), ids.to(device), mask.to(device))
        loss = functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten().to(device))
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        found += [float(layer.fetch(loss)), float(layer.fetch(norm))]
    return found


if __name__ == "__main__":
    here = device_layer()
    here.in_use = "mps"
    json.dump({"cpu": numbers(DeviceLayer(), "cpu"), "mps": numbers(here, "mps")}, sys.stdout)
