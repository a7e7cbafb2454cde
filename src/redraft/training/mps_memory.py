"""Metal keeps memory that no tensor uses until it is told not to; over hours that ends a run."""

from __future__ import annotations

from redraft.models.device_layer import DeviceLayer, device_layer

EVERY = 50


class MPSMemoryCallback:
    """Called with the step after each one; clears Metal's cache at every 50th. Does nothing on other devices."""

    def __init__(self, every: int = EVERY, layer: DeviceLayer | None = None) -> None:
        """every: steps between two clearings, from 1 on."""
        if every < 1:
            raise ValueError(f"every must be at least 1, not {every}")
        self.every, self._layer = every, layer or device_layer()
        self.cleared = 0

    def __call__(self, step: int) -> None:
        """step: how many are done."""
        if self._layer.in_use == "mps" and step > 0 and step % self.every == 0:
            self._layer.empty_cache()
            self.cleared += 1
