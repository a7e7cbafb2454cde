"""Recipes: read, overridden, refused with the key, the value and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.core.errors import RecipeError
from redraft.core.recipe import Recipe, read_recipe, recipe_from_data

MINIMAL = "task: cad\ndataset: parts\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def test_overrides_reach_nested_keys(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path, MINIMAL), ["train.epochs=3", "model.adapter.r=8", "seed=7"])
    assert (recipe.train.epochs, recipe.model.adapter.r if recipe.model.adapter else None, recipe.seed) == (
        3,
        8,
        7,
    )


def test_what_is_stored_reads_back_equal(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path, MINIMAL), ["train.learning_rate=0.001"])
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_an_unknown_key_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(RecipeError, match=r"no key 'train\.epoch'.*Did you mean 'epochs'"):
        recipe_from_data({"task": "cad", "dataset": "parts", "train": {"epoch": 3}})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("task: cad\n", "dataset: Field required"),
        (MINIMAL + "train: {batch_size: 0}\n", "train.batch_size"),
        (MINIMAL + "train: {learning_rate: .nan}\n", "train.learning_rate"),
        (MINIMAL + "device: tpu\n", "device"),
        ("- a\n- b\n", "mapping"),
        ("task: [\n", "not a YAML file"),
        (MINIMAL + "device: cpu\ntrain: {precision: fp16}\n", "fp16 does not train on the CPU"),
    ],
)
def test_a_wrong_recipe_is_one_sentence_that_names_the_key(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_recipe(write(tmp_path, text))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy and caught.value.exit_code == 2


def test_a_missing_recipe_and_a_broken_override_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such recipe"):
        read_recipe(tmp_path / "none.yaml")
    with pytest.raises(RecipeError, match="is not an override"):
        read_recipe(write(tmp_path, MINIMAL), ["train.epochs"])


@given(st.text(max_size=200))
def test_no_text_makes_anything_but_a_recipe_or_a_recipe_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        assert isinstance(read_recipe(path), Recipe)
    except RecipeError as error:
        assert error.what


@pytest.mark.parametrize(("written", "means"), [("on", "on"), ("off", "off"), ("auto", "auto"), ("'off'", "off")])
def test_yaml_words_for_yes_and_no_switch_the_feature_cache(tmp_path: Path, written: str, means: str) -> None:
    path = write(tmp_path, MINIMAL + f"train:\n  feature_cache: {written}\n")
    assert read_recipe(path).train.feature_cache == means
    assert read_recipe(path, ["train.feature_cache=off"]).train.feature_cache == "off"
