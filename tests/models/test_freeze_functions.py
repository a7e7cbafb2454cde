"""Freezing, parameter groups, the summary and the check of sight, through their public functions."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import redraft.models
from redraft.core.errors import InputError, RecipeError
from redraft.core.recipe import Adapter, Model
from redraft.models import small
from redraft.models.freeze import (
    count,
    freeze_embeddings,
    freeze_vision_encoder,
    get_parameter_groups,
    print_parameter_summary,
    validate_vision_model,
)
from redraft.models.load import Loaded, load_model
from redraft.models.parts import part_of_each
from redraft.models.summary import parameter_summary

PARTS = ("vision", "projector", "embeddings", "language", "head")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.build("qwen2_5_vl", tmp_path_factory.mktemp("base") / "qwen")


@pytest.fixture(scope="module")
def shared(base: Path) -> Loaded:
    """A model that no test changes."""
    return load_model(Model(base=str(base), freeze=()))


@pytest.fixture
def loaded(base: Path) -> Loaded:
    return load_model(Model(base=str(base), freeze=()))


def names_of(groups: list[dict[str, Any]], model: Any) -> dict[str, list[str]]:
    names = {id(p): name for name, p in model.named_parameters()}
    return {group["name"]: [names[id(p)] for p in group["params"]] for group in groups}


def test_the_projector_inside_the_vision_module_is_not_vision(loaded: Loaded) -> None:
    before = count(loaded.model)
    after = freeze_vision_encoder(loaded.model)
    assert before.frozen == 0 < after.frozen
    frozen = {name for name, p in loaded.model.named_parameters() if not p.requires_grad}
    assert frozen and all(name.startswith("model.visual.") for name in frozen)
    assert not any("merger" in name for name in frozen)


def test_embeddings_alone(loaded: Loaded) -> None:
    freeze_embeddings(loaded.model)
    frozen = [name for name, p in loaded.model.named_parameters() if not p.requires_grad]
    assert frozen == ["model.language_model.embed_tokens.weight"]


def test_tied_embeddings_freeze_the_output_too(tmp_path: Path) -> None:
    tied = load_model(Model(base=str(small.build("qwen2_5_vl", tmp_path / "tied", tied=True)), freeze=()))
    freeze_embeddings(tied.model)
    assert not tied.model.get_output_embeddings().weight.requires_grad
    assert "head" not in part_of_each(tied.model).values()


@pytest.mark.parametrize("function", [freeze_vision_encoder, freeze_embeddings])
def test_what_is_not_there_cannot_be_frozen(function: Any) -> None:
    class Bare(torch.nn.Linear):
        config = None

        def get_input_embeddings(self) -> None: ...

        def get_output_embeddings(self) -> None: ...

    with pytest.raises(RecipeError, match="nothing in this model matches") as caught:
        function(Bare(2, 2))
    assert caught.value.where and caught.value.remedy


def test_a_family_name_that_the_model_lacks_is_an_error(loaded: Loaded) -> None:
    del loaded.model.model.visual
    with pytest.raises(RecipeError, match="nothing in this model matches"):
        freeze_vision_encoder(loaded.model)
    with pytest.raises(RecipeError, match=r"no 'model\.visual'") as caught:
        validate_vision_model(loaded)
    assert "model.language_model" in caught.value.remedy


@settings(max_examples=25, deadline=None)
@given(
    rates=st.dictionaries(st.sampled_from([*PARTS, "model.language_model.layers.1"]), st.floats(0, 1), max_size=4),
    decay=st.floats(0, 1),
)
def test_every_trained_parameter_is_in_exactly_one_group(
    shared: Loaded, rates: dict[str, float], decay: float
) -> None:
    model = shared.model
    groups = get_parameter_groups(model, 2.0, decay, rates)
    members = [id(p) for group in groups for p in group["params"]]
    assert len(members) == len(set(members))
    assert set(members) == {id(p) for p in model.parameters() if p.requires_grad}
    parts = part_of_each(model)
    for group, names in zip(groups, names_of(groups, model).values(), strict=True):
        for name, parameter in zip(names, group["params"], strict=True):
            layer = "model.language_model.layers.1"
            wanted = rates.get(parts[name], 2.0)
            if layer in rates and name.startswith(layer + "."):
                wanted = rates[layer]
            assert group["lr"] == wanted
            assert group["weight_decay"] == (decay if parameter.ndim >= 2 else 0.0)


def test_groups_feed_an_optimiser(loaded: Loaded) -> None:
    groups = get_parameter_groups(loaded.model, 1e-3, 0.1, {"head": 1e-4})
    optimiser = torch.optim.AdamW(groups)
    assert {group["lr"] for group in optimiser.param_groups} == {1e-3, 1e-4}
    assert all(group["weight_decay"] in (0.0, 0.1) for group in optimiser.param_groups)


def test_an_adapters_weights_are_a_part_of_their_own(base: Path) -> None:
    model = load_model(Model(base=str(base), adapter=Adapter(r=2))).model
    found = names_of(get_parameter_groups(model, 1e-3, 0.0, {"adapter": 5e-4}), model)
    assert list(found) == ["adapter"] and all("lora_" in name for name in found["adapter"])
    layer = "model.language_model.layers.0"
    found = names_of(get_parameter_groups(model, 1e-3, 0.0, {layer: 5e-4}), model)
    assert set(found) == {layer, "rest"} and all(".layers.0." in name for name in found[layer])


@pytest.mark.parametrize(
    ("rates", "freeze", "says", "remedy"),
    [
        ({"visoin": 1e-3}, (), "nothing in this model is called 'visoin'", "'vision'"),
        ({"adapter": 1e-3}, (), "nothing in this model is called 'adapter'", "vision"),
        ({"model.language_model.layer": 1e-3}, (), "nothing", "layers"),
        ({"vision": 1e-3}, ("vision",), "all of it is frozen", "model.freeze"),
    ],
)
def test_a_rate_that_matches_nothing_trained(
    base: Path, rates: dict[str, float], freeze: Any, says: str, remedy: str
) -> None:
    model = load_model(Model(base=str(base), freeze=freeze)).model
    with pytest.raises(RecipeError) as caught:
        get_parameter_groups(model, 1e-3, 0.0, rates)
    assert says in caught.value.what and remedy in caught.value.remedy
    assert caught.value.where == "train.learning_rates"


def test_nothing_trained_is_an_error(loaded: Loaded) -> None:
    loaded.model.requires_grad_(False)
    with pytest.raises(RecipeError, match="nothing of this model is trained"):
        get_parameter_groups(loaded.model, 1e-3, 0.0)


def test_the_summary_counts_every_parameter_once(loaded: Loaded, caplog: pytest.LogCaptureFixture) -> None:
    freeze_vision_encoder(loaded.model)
    rows = parameter_summary(loaded.model)
    assert [row.part for row in rows] == list(PARTS)
    counts = loaded.counts
    assert (sum(r.frozen for r in rows), sum(r.trainable for r in rows)) == (counts.frozen, counts.trainable)
    assert rows[0].trainable == 0 and all(row.frozen == 0 for row in rows[1:])

    stream, lines = io.StringIO(), []
    print_parameter_summary(loaded.model, stream)
    print_parameter_summary(loaded.model, lines.append)
    with caplog.at_level(logging.INFO):
        print_parameter_summary(loaded.model, logging.getLogger("redraft.test"))
    assert stream.getvalue().splitlines() == lines == [record.getMessage() for record in caplog.records]
    assert "FROZEN" in lines[0] and "TRAINABLE" in lines[0]
    assert any("model.visual.merger" in line and f"{rows[1].trainable:,}" in line for line in lines)


def test_a_model_that_sees_is_told_from_one_that_does_not(loaded: Loaded) -> None:
    loaded.model.train()
    report = validate_vision_model(loaded)
    assert report.image_tokens == report.features == 16 and report.difference > 1e-3 * report.scale
    assert loaded.model.training
    again = validate_vision_model(loaded.model, loaded.processor)
    assert again == report
    with torch.no_grad():
        loaded.model.model.visual.merger.mlp[-1].weight.zero_()
        loaded.model.model.visual.merger.mlp[-1].bias.zero_()
    with pytest.raises(InputError, match="does not see") as caught:
        validate_vision_model(loaded)
    assert caught.value.where and caught.value.remedy


def test_a_processor_that_does_not_fit_its_model(loaded: Loaded) -> None:
    loaded.model.config.image_token_id += 1
    with pytest.raises(InputError, match="the model waits for"):
        validate_vision_model(loaded)
    loaded.model.config.image_token_id -= 1
    loaded.processor.image_processor.merge_size = 1
    with pytest.raises(InputError, match="64 image tokens, and the vision side gives 16") as caught:
        validate_vision_model(loaded)
    assert caught.value.where and "preprocessor_config.json" in caught.value.remedy


def test_a_template_without_pictures(loaded: Loaded) -> None:
    template = loaded.processor.chat_template
    loaded.processor.chat_template = template.replace("<|image_pad|>", "")
    with pytest.raises(InputError) as caught:
        validate_vision_model(loaded)
    assert caught.value.where and caught.value.remedy


def test_the_public_functions_are_where_they_are_documented() -> None:
    for name in redraft.models.__all__:
        assert getattr(redraft.models, name) is getattr(redraft.models.freeze, name)
