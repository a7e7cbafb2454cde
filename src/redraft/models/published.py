"""The families' processors as they are published, without tokenizers and so without any files.

They serve for planning before a model is there. Where nothing is given, the published models have the defaults of
transformers' classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any


@dataclass(frozen=True, slots=True)
class Published:
    """A family as it is published. around: tokens that its chat template writes about each picture.

    modes: names of its ways of seeing, by the side in pixels of the square page that each leaves unscaled; a page
    takes the first that it fits into. Empty where one way serves all sizes.
    """

    model_type: str
    title: str
    modes: tuple[tuple[int, str], ...] = ()
    around: int = 0


FAMILIES = {
    "deepseek_ocr": Published(
        "unlimited_ocr", "DeepSeek-OCR", ((512, "tiny"), (640, "small"), (1024, "base"), (1280, "large"))
    ),
    "deepseek_ocr2": Published("deepseek_ocr2", "DeepSeek-OCR 2", ((768, "small"), (1024, "base"))),
    "unlimited_ocr": Published(
        "unlimited_ocr", "Unlimited-OCR", ((512, "tiny"), (640, "small"), (1024, "base"), (1280, "large"))
    ),
    "granite_docling": Published("granite_docling", "Granite-Docling"),
    "idefics3": Published("idefics3", "Idefics3"),
    "smolvlm": Published("smolvlm", "SmolVLM"),
    "llava": Published("llava", "LLaVA 1.5"),
    "paligemma": Published("paligemma", "PaliGemma at 448 pixels"),
    "qwen2_5_vl": Published("qwen2_5_vl", "Qwen2.5-VL", around=2),
    "qwen3_vl": Published("qwen3_vl", "Qwen3-VL", around=2),
    "tiny": Published("paligemma", "the tiny model"),
}
"""By the names that stand for a family without files."""


@cache
def processor_of(family: str) -> Any:
    """What `Family.view` needs of a processor. family: a name of FAMILIES."""
    return globals()[f"_{family}"]()


def with_processor(stand_in: Any, pictures: Any) -> Any:
    """The same with another image processor."""
    settings = {name: value for name, value in vars(stand_in).items() if name not in OWN}
    return _stand_in(stand_in.stock, pictures, **settings)


OWN = ("image_processor", "image_token", "stock", "replace_image_token")


def _stand_in(stock: Any, pictures: Any, **settings: Any) -> Any:
    """An object with the stock processor's way of writing a picture, which its class needs a tokenizer for."""
    made = SimpleNamespace(image_processor=pictures, image_token="<image>", stock=stock, **settings)
    made.replace_image_token = lambda *given: stock.replace_image_token(made, *given)
    return made


def _deepseek_ocr() -> Any:
    from redraft.models.families.deepseek_ocr1 import TILES

    return _ocr(max_patches=TILES)


def _unlimited_ocr() -> Any:
    return _ocr()


def _ocr(**settings: Any) -> Any:
    from transformers import UnlimitedOcrProcessor

    from redraft.models.ocr_pictures import UnlimitedOcrImageProcessorPil

    pictures: Any = UnlimitedOcrImageProcessorPil
    return _stand_in(UnlimitedOcrProcessor, pictures(**settings), patch_size=16, downsample_ratio=4)


def _deepseek_ocr2() -> Any:
    from transformers import DeepseekOcr2Processor
    from transformers.models.deepseek_ocr2.image_processing_pil_deepseek_ocr2 import DeepseekOcr2ImageProcessorPil

    pictures: Any = DeepseekOcr2ImageProcessorPil
    return _stand_in(DeepseekOcr2Processor, pictures(), patch_size=16, downsample_ratio=4)


def _granite_docling() -> Any:
    from transformers import GraniteDoclingProcessor
    from transformers.models.granite_docling.image_processing_pil_granite_docling import (
        GraniteDoclingImageProcessorPil,
    )

    pictures: Any = GraniteDoclingImageProcessorPil
    return _stand_in(
        GraniteDoclingProcessor,
        pictures(),
        image_seq_len=64,
        fake_image_token="<fake_token_around_image>",
        global_image_tag="<global-img>",
    )


def _idefics3() -> Any:
    return _tiled_idefics(364, 4 * 364, 169)


def _smolvlm() -> Any:
    return _tiled_idefics(512, 4 * 512, 64)


def _tiled_idefics(tile: int, longest: int, tokens: int) -> Any:
    from transformers import Idefics3Processor
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    pictures: Any = Idefics3ImageProcessorPil
    return _stand_in(
        Idefics3Processor,
        pictures(size={"longest_edge": longest}, max_image_size={"longest_edge": tile}),
        image_seq_len=tokens,
        fake_image_token="<fake_token_around_image>",
        global_image_tag="<global-img>",
    )


def _llava() -> Any:
    from transformers import LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    pictures: Any = CLIPImageProcessorPil
    return _stand_in(
        LlavaProcessor,
        pictures(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}),
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )


def _paligemma() -> Any:
    from transformers import PaliGemmaProcessor
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    pictures: Any = SiglipImageProcessorPil
    size = {"height": 448, "width": 448}
    return _stand_in(PaliGemmaProcessor, pictures(size=size), image_seq_length=(448 // 14) ** 2)


def _qwen2_5_vl() -> Any:
    return _qwen("Qwen2_5_VLProcessor", 14, (56 * 56, 28 * 28 * 16384))


def _qwen3_vl() -> Any:
    return _qwen("Qwen3VLProcessor", 16, (256 * 256, 4096 * 4096))


def _qwen(name: str, patch: int, pixels: tuple[int, int]) -> Any:
    import transformers
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    pictures: Any = Qwen2VLImageProcessorPil
    size = {"shortest_edge": pixels[0], "longest_edge": pixels[1]}
    return _stand_in(getattr(transformers, name), pictures(size=size, patch_size=patch))


def _tiny() -> Any:
    from transformers import LlavaProcessor

    from redraft.models.tiny import picture_processor, reduction, tiny_options

    options = tiny_options({})
    return _stand_in(
        LlavaProcessor,
        picture_processor(options),
        patch_size=reduction(options),
        vision_feature_select_strategy="full",
        num_additional_image_tokens=1,
    )
