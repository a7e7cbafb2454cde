"""The processor of an imported TinyLLaVA model: tokenizer with an image token, pictures, conversation."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError
from redraft.models.load import quiet_library
from redraft.models.tinyllava import STRATEGIES, Layout, chat_template

IMAGE = "<image>"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
                   "vocab.json", "merges.txt", "tokenizer.model", "spiece.model")  # fmt: skip
STEP = 64
"""Rows are added in steps that tensor cores like."""


@dataclass(slots=True)
class Made:
    """processor: a LlavaProcessor. image_id: of the image token. image_tokens: of one picture. rows: that
    embedding and head need. filler: the token whose rows new ones copy. generation: its settings."""

    processor: Any
    image_id: int
    image_tokens: int
    rows: int
    filler: int
    generation: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def make_processor(source: Path, layout: Layout, rows: int) -> Made:
    """The processor for a folder whose embedding has so many rows."""
    import transformers

    notes: list[str] = []
    tokenizer = _tokenizer(source)
    known = len(tokenizer)
    special = transformers.AddedToken(IMAGE, special=True, normalized=False)
    tokenizer.add_tokens([special], special_tokens=True)
    image_id = int(tokenizer.convert_tokens_to_ids(IMAGE))
    filler = tokenizer.unk_token_id if tokenizer.unk_token_id is not None else 0
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token  # as TinyLLaVA sets it
    pictures, size = _pictures(source, layout, notes)
    patch = int(layout.vision.get("patch_size") or 14)
    strategy = STRATEGIES[layout.config.get("vision_feature_select_strategy", "patch")]
    clip = str(layout.vision.get("model_type")).startswith("clip")
    begins = tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
    stock: Any = transformers.LlavaProcessor
    processor = stock(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=patch,
        vision_feature_select_strategy=strategy,
        num_additional_image_tokens=int(clip),
        image_token=IMAGE,
        chat_template=chat_template(IMAGE, tokenizer.bos_token if begins else "", tokenizer.eos_token),
    )
    more = rows if image_id < rows else -(-(image_id + 1) // STEP) * STEP
    never = sorted({image_id, *range(rows, more)})
    if known > rows:
        raise InputError(
            f"the tokenizer has {known:,} tokens and the embedding {rows:,} rows",
            where=str(source),
            remedy="Take tokenizer and weights from the same checkpoint",
        )
    generation = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "suppress_tokens": never,
    }
    tokens = (size // patch) ** 2 + int(clip) - int(strategy == "default")
    return Made(processor, image_id, tokens, more, filler, generation, notes)


def _tokenizer(source: Path) -> Any:
    """The tokenizer of the folder, opened apart from config.json, whose model type nothing knows."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    with tempfile.TemporaryDirectory() as apart:
        for place in (source / "language_model", source):
            for name in TOKENIZER_FILES:
                if (place / name).is_file():
                    shutil.copyfile(place / name, Path(apart) / name)
        faults: list[str] = []
        for kind in (AutoTokenizer, PreTrainedTokenizerFast):
            opener: Any = kind
            try:
                with quiet_library():
                    return opener.from_pretrained(apart, trust_remote_code=False)
            except Exception as error:  # tokenizers raise errors of many kinds, some of them bare Exception
                faults.append(
                    str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
                )
    raise InputError(
        f"its tokenizer cannot be opened ({faults[0]})",
        where=str(source),
        remedy="Put the tokenizer's files of its language model (tokenizer.json, tokenizer_config.json) beside "
        "config.json",
    )


def _pictures(source: Path, layout: Layout, notes: list[str]) -> tuple[Any, int]:
    """The image processor and the side of its square, in pixels. Settings published with the model win over those
    of its vision tower's kind."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    side = int(layout.vision.get("image_size") or 0)
    kind = str(layout.vision.get("model_type"))
    clip = kind.startswith("clip")
    if side <= 0 or not (clip or kind.startswith("siglip")):
        raise InputError(
            f"how pictures go into a vision tower of type '{kind}' is not known here",
            where=str(source),
            remedy="Choose a model with CLIP or SigLIP",
        )
    stock: Any = CLIPImageProcessorPil if clip else SiglipImageProcessorPil
    given: dict[str, Any] = {"size": {"shortest_edge": side}, "crop_size": {"height": side, "width": side}}
    settings = given if clip else {"size": {"height": side, "width": side}}
    for place in (source, source / "vision_tower"):
        if (place / "preprocessor_config.json").is_file():
            with quiet_library():
                found = stock.from_pretrained(place)
            settings = {k: v for k, v in found.to_dict().items() if k not in ("image_processor_type", "do_pad")}
            break
    else:
        notes.append(f"pictures: the settings of {'CLIP' if clip else 'SigLIP'} for {side} pixels")
    if layout.config.get("image_aspect_ratio", "square") == "pad":
        padded: Any = LlavaImageProcessorPil
        settings = {**stock(**settings).to_dict(), "do_pad": True}
        settings.pop("image_processor_type", None)
        return padded(**settings), side
    return stock(**settings), side
