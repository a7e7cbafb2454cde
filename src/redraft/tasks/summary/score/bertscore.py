"""BERTScore (Zhang et al. 2020), by the package bert-score: how alike two texts are to a language model.

It needs the extra `redraft[bertscore]` and a model in a local folder. Figures of different models or layers cannot
be compared, so both are named with the result. No rescaling with a baseline is done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example
from redraft.core.score import Detail
from redraft.core.work import Work

BATCH = 16
NAMES = ("bertscore_precision", "bertscore_recall", "bertscore_f1")


def bertscore(
    setting: str, answers: Sequence[str], examples: Sequence[Example], work: Work
) -> list[Mapping[str, Detail]]:
    """Precision, recall and F1 of each answer against its reference, at most 1; zeros for an empty answer.

    setting: the model's folder, with "@" and the number of the layer whose vectors are compared (the last one
    where it is not said; the paper chose one for each model). Texts are cut at the model's longest input.
    """
    folder, _, layer = setting.partition("@")
    if not folder or not (Path(folder) / "config.json").is_file():
        raise UsageError(
            f"the measure 'bertscore' needs a model's folder, not '{folder}'",
            remedy="Write --measure bertscore=FOLDER, with a BERT or RoBERTa model in it",
        )
    if layer and not layer.isdecimal():
        raise UsageError(f"'{layer}' is no layer of a model", remedy="Write --measure bertscore=FOLDER@9")
    scorer = _scorer(folder, int(layer) if layer else None)
    references = [str(example.truth.get("summary") or "") for example in examples]
    known = [index for index, answer in enumerate(answers) if answer.strip() and references[index].strip()]
    found: list[Mapping[str, Detail]] = [dict.fromkeys(NAMES, 0.0) for _ in answers]
    for start in range(0, len(known), BATCH):
        batch = known[start : start + BATCH]
        tensors = scorer.score([answers[i] for i in batch], [references[i] for i in batch])
        for row, index in enumerate(batch):
            found[index] = {name: float(tensor[row]) for name, tensor in zip(NAMES, tensors, strict=True)}
        work.progress("measuring BERTScore", start + len(batch), len(known))
    return found


@lru_cache(maxsize=1)
def _scorer(folder: str, layer: int | None) -> Any:
    try:
        from bert_score import BERTScorer
    except ImportError:
        raise UsageError(
            "the measure 'bertscore' needs the package bert-score",
            remedy="Install redraft with its extra bertscore",
        ) from None
    try:
        config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
        layers, positions = int(config["num_hidden_layers"]), int(config["max_position_embeddings"])
    except (OSError, ValueError, KeyError, TypeError):
        raise _no_model(folder, "config.json names no number of layers and positions") from None
    if layer is not None and not 1 <= layer <= layers:
        raise UsageError(
            f"this model has no layer {layer}",
            where=folder,
            remedy=f"Give one from 1 to {layers}: FOLDER@{layers}",
        )
    try:
        scorer = BERTScorer(model_type=folder, num_layers=layer or layers, batch_size=BATCH)
    except Exception as error:  # the package and transformers raise anything on a folder that is none
        raise _no_model(folder, f"{type(error).__name__}: {error}") from None
    # A tokenizer that names no longest input would not be asked to cut; RoBERTa keeps two positions for itself.
    tokenizer = scorer._tokenizer
    tokenizer.model_max_length = min(tokenizer.model_max_length, positions - 2)
    return scorer


def _no_model(folder: str, why: str) -> InputError:
    return InputError(
        f"this folder's model cannot be loaded ({why})",
        where=folder,
        remedy="Give a folder with a BERT or RoBERTa model and its tokenizer",
    )
