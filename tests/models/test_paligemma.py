"""PaliGemma as it is published: its prompt is seen both ways, its answer is not."""

from __future__ import annotations

import pytest
import torch

from drawn_examples import drawn_example
from redraft.core.errors import InputError
from redraft.core.recipe import Model
from redraft.models import small
from redraft.models.collate import collate
from redraft.models.encode import Encoder
from redraft.models.freeze import validate_vision_model
from redraft.models.load import load_model
from redraft.models.loss import loss_per_example
from redraft.models.packing import enable_packing, pack


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = small.build("paligemma", tmp_path_factory.mktemp("base"), kind="siglip")
    loaded = load_model(Model(base=str(folder), freeze=("vision",)))
    loaded.model.eval()
    return Encoder(loaded)


def test_the_answer_is_read_from_left_to_right(encoder: Encoder) -> None:
    """A later token of the answer must not reach an earlier one; one of the prompt reaches all of the prompt."""
    encoding = encoder.encode(drawn_example(1, [(100, 60)]))
    kinds = encoding.extra["token_type_ids"]
    length = encoding.prompt_length
    assert kinds[:length].eq(0).all() and kinds[length:].eq(1).all() and len(kinds) == len(encoding)
    batch = collate([encoding], encoder.pad_id)
    logits = {}
    with torch.no_grad():
        for place in (None, len(encoding) - 1, length - 1):
            inputs = {name: value.clone() for name, value in batch.inputs.items()}
            if place is not None:
                inputs["input_ids"][0, place] = 5
            logits[place] = encoder.loaded.model(**inputs).logits[0]
    last, asked = ((logits[None] - logits[at]).abs().amax(-1) for at in (len(encoding) - 1, length - 1))
    assert last[:-1].max() == 0 < last[-1]
    assert asked[0] > 1e-4


def test_it_sees_and_packs(encoder: Encoder) -> None:
    report = validate_vision_model(encoder.loaded)
    assert report.image_tokens == report.features == 16
    model = encoder.loaded.model
    encodings = [encoder.encode(drawn_example(i, [(80, 60)] * (1 + i % 2))) for i in range(3)]
    with torch.no_grad():
        alone, _ = loss_per_example(model, collate(encodings, encoder.pad_id))
        enable_packing(model, encodings, encoder.pad_id)
        packed, _ = loss_per_example(model, pack(model, encodings))
    torch.testing.assert_close(packed, alone, rtol=1e-4, atol=1e-4)


def test_its_processor_wants_a_picture(encoder: Encoder) -> None:
    with pytest.raises(InputError, match="images"):
        encoder.encode(drawn_example(0, []))
