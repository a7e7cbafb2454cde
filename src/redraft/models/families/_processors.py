"""Processors without torchvision: stock classes whose pictures go through Pillow and whose videos stay unread."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VIDEO = "video_preprocessor_config.json"


def pictures_alone(stock: type, name: str | None = None) -> Any:
    """A processor class like `stock` that has no video part, which only torchvision could open.

    It bears the name of the stock class (or the one given), so that what it saves opens as that class where
    torchvision is there; the video settings of the folder that it was opened from are saved along, unread.
    """
    base: Any = stock

    class WithoutVideo(base):  # type: ignore[misc]
        video_settings: dict[str, Any] | None = None

        @classmethod
        def get_attributes(cls) -> list[str]:
            return [name for name in super().get_attributes() if "video" not in name]

        @classmethod
        def from_pretrained(cls, folder: Any, *args: Any, **more: Any) -> Any:
            made = through_pillow(super().from_pretrained(folder, *args, **more), Path(folder))
            made.video_settings = read_video_settings(Path(folder))
            return made

        def save_pretrained(self, folder: Any, *args: Any, **more: Any) -> Any:
            files = super().save_pretrained(folder, *args, **more)
            if self.video_settings is not None:
                text = json.dumps(self.video_settings, indent=2, sort_keys=True) + "\n"
                Path(folder, VIDEO).write_text(text, encoding="utf-8")
            return files

    WithoutVideo.__name__ = WithoutVideo.__qualname__ = name or stock.__name__
    return WithoutVideo


def through_pillow(processor: Any, folder: Path) -> Any:
    """The processor with its pictures going through Pillow, also where torchvision is installed: a model then sees
    the same pixels on every machine."""
    from transformers import AutoImageProcessor
    from transformers.image_processing_backends import TorchvisionBackend

    if isinstance(getattr(processor, "image_processor", None), TorchvisionBackend):
        kind: Any = AutoImageProcessor
        processor.image_processor = kind.from_pretrained(folder, backend="pil")
    return processor


def read_video_settings(folder: Path) -> dict[str, Any] | None:
    """What a model folder says of its videos, in a file of its own or inside processor_config.json."""
    own, joint = folder / VIDEO, folder / "processor_config.json"
    if own.is_file():
        found: dict[str, Any] = json.loads(own.read_text(encoding="utf-8"))
        return found
    if joint.is_file():
        inner = json.loads(joint.read_text(encoding="utf-8")).get("video_processor")
        return inner if isinstance(inner, dict) else None
    return None


def declared_class(folder: Path) -> str | None:
    """The processor class that a model folder names, whichever of its files does."""
    for name in ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json"):
        path = folder / name
        found = json.loads(path.read_text(encoding="utf-8")).get("processor_class") if path.is_file() else None
        if isinstance(found, str):
            return found
    return None
