"""The recipe: everything that decides a training run, in one frozen model, written as YAML.

Unknown keys are refused, with the nearest known one named. `key=value` overrides use dotted keys
("train.epochs=3"); values are read as YAML.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from redraft.core.errors import RecipeError

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Adapter(Section):
    """A LoRA adapter on the language model."""

    kind: Literal["lora", "dora", "rslora"] = "lora"
    """The way of adapting: plain LoRA, weight-decomposed, or rank-stabilised."""
    r: Positive = 16
    """Rank of each adapter."""
    alpha: Annotated[float, Field(gt=0)] = 32
    """The adapter's output is scaled by alpha / r."""
    dropout: Fraction = 0.1
    """Of the adapter's input while it trains."""
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    """Names of linear layers inside the language model; "all-linear" takes every one of them."""
    experts: bool = False
    """Adapts the fused experts of a mixture-of-experts decoder too. Needs `dropout: 0`, and lora or rslora."""


class Model(Section):
    base: str = "tiny"
    """A local folder, `hf:<repo>` on the hub, a checkpoint of redraft, or "tiny": the built-in small model."""
    revision: str | None = None
    """The hub commit to load; kept in every checkpoint."""
    freeze: tuple[Literal["vision", "embeddings", "projector"], ...] = ("vision",)
    """Parts whose weights do not change. The tiny model starts from nothing: give `freeze: []` to train it."""
    adapter: Adapter | None = None
    """None trains all weights that are not frozen."""
    quantise: Literal["nf4"] | None = None
    """Holds the frozen weights in 4 bits under an adapter (QLoRA); needs a GPU and bitsandbytes."""
    attention: Literal["auto", "sdpa", "eager", "flash"] = "auto"
    """auto takes FlashAttention where it is installed and the precision fits, else torch's own (sdpa)."""
    pictures: str | dict[str, Any] | None = None
    """How pictures are sized and cut: a mode of the family ("base", "gundam"), or settings of its image processor.
    Checkpoints keep it. None: as the base has it."""
    options: dict[str, Any] = {}
    """For "tiny": its sizes (see docs/models.md)."""


class Augment(Section):
    """Shows every example in another way each epoch, as its task knows to; the answer stays the same."""

    strength: Fraction = 0.5
    """From 0 (as it is) to 1 (as far as the task goes without spoiling what is shown)."""
    variants: Positive | None = None
    """So many ways an example, used in turn; then features of a frozen encoder can be kept. None: a new one each
    epoch."""
    options: dict[str, Any] = {}
    """The task's own settings (see its page in docs/)."""


class Train(Section):
    epochs: Annotated[float, Field(gt=0)] = 1.0
    """Times that every example is seen; 1.5 ends in the middle of the second."""
    max_steps: Positive | None = None
    """Ends the run after so many optimiser steps, whatever `epochs` says."""
    max_minutes: Annotated[float, Field(gt=0)] | None = None
    """Ends the run well after so many minutes; the learning rate's schedule follows the clock, so that it is
    whole. Such a run is not repeatable bit for bit."""
    batch_size: Positive = 8
    """Examples a forward pass."""
    batch_tokens: Positive | None = None
    """Tokens a forward pass, padding included; takes the place of batch_size. An epoch is cut into batches of like
    length that stay below it."""
    pack: bool = False
    """Puts several examples into one row, each blind to the others, in place of padding. Needs batch_tokens."""
    accumulate: Positive = 1
    """Forward passes an optimiser step; the loss is normalised over all of them."""
    learning_rate: Annotated[float, Field(gt=0)] = 2e-5
    """The highest, after the warm-up."""
    learning_rates: dict[str, Annotated[float, Field(ge=0)]] = {}
    """Other rates for parts of the model: "vision", "projector", "embeddings", "language", "head", "adapter", or
    the dotted name of a module."""
    warmup: Annotated[float, Field(ge=0)] = 0.03
    """Below 1: the part of all steps; from 1 on: a number of steps."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """What the learning rate does after the warm-up; cosine and linear end at 0."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Of matrices; biases, norms and scales are not decayed."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Of AdamW."""
    optimiser: Literal["adamw", "adamw_8bit"] = "adamw"
    """adamw_8bit keeps its moments in 8 bits; needs a GPU and bitsandbytes."""
    clip: Annotated[float, Field(gt=0)] | None = 1.0
    """The largest norm of a step's gradient; None clips nothing."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Of the computation; weights that are trained stay fp32."""
    feature_cache: Literal["auto", "on", "off"] = "auto"
    """Computes what a frozen vision encoder makes of each picture once, and keeps it on disk. auto does so where
    the encoder is frozen, examples are seen more than once and the disk has room."""

    @field_validator("feature_cache", mode="before")
    @classmethod
    def _yaml_word(cls, value: Any) -> Any:
        """YAML reads a bare on or off as true or false."""
        return {True: "on", False: "off"}[value] if isinstance(value, bool) else value

    feature_cache_gb: Annotated[float, Field(gt=0)] = 50.0
    """Disk that the kept features of this run may take."""
    loss_chunk: Annotated[int, Field(ge=0)] = 256
    """Supervised tokens whose logits are made at once; 0 makes those of the whole batch."""
    gradient_checkpointing: bool = False
    """Keeps fewer activations and computes them again on the way back: less memory, about a third more time."""
    augment: Augment | None = None
    """None shows every example as it is."""
    compile: bool = False
    """Compiles the language model before training: the first step takes a minute, later ones less."""
    parallel: Literal["ddp", "fsdp"] = "ddp"
    """With several processes: whole copies of the model (ddp), or the model in shards (fsdp)."""
    trackers: tuple[Literal["tensorboard", "mlflow", "wandb", "trackio"], ...] = ()
    """Where metrics are reported besides events.jsonl, each if it is installed."""
    patience: Positive | None = None
    """Stops after so many evaluations in a row without a better score; None never does."""
    max_length: Positive = 4096
    """Tokens of an example with its image tokens; a longer one stops the run before it starts, by id."""
    save_every: Positive | None = None
    """Steps between checkpoints; None saves at the end alone."""
    keep: Positive = 2
    """Checkpoints kept besides the best one."""
    evaluate_every: Positive | None = None
    """Steps between evaluations with generated answers; None evaluates at the end alone."""
    evaluate_first: bool = True
    """Evaluates before the first step too, so that the report shows answers before and after."""
    log_every: Positive = 1
    """Steps between rows of events.jsonl; the first and the last are always written."""
    workers: Positive = 2
    """Threads that read pictures and encode examples, before the first step and ahead of each. The result does not
    depend on them."""
    cache_mb: Annotated[int, Field(ge=0)] = 2048
    """Memory for encoded examples, in MB. What does not fit is read and encoded again in every epoch."""
    group_by_length: bool = False
    """Puts examples of like length into one batch, so that less is padded. The order still follows the seed."""
    threads: Positive | None = None
    """Threads of one tensor operation; None takes all cores. Bits of a run depend on it."""
    bad_examples: Literal["stop", "skip"] = "stop"
    """What to do with examples the check before the first step refuses: stop and list them, or leave them out
    and list them in the run."""


class Evaluate(Section):
    split: str = "validation"
    """Which examples are evaluated during training."""
    limit: Positive | None = 64
    """Examples taken, evenly over the split; None takes all."""
    batch_size: Positive = 16
    """Answers generated at once."""
    max_new_tokens: Positive = 512
    """The longest answer; one that is cut here scores as it stands."""
    loop_stop: Positive | None = None
    """Ends an answer whose last tokens are one piece several times over, at least so many tokens in all. None
    never does."""
    samples: Positive = 1
    """Answers an example; above 1 the best of them is reported too, apart."""
    keep_samples: Positive = 4
    """Examples whose pictures and answers are shown in the report."""


class Hub(Section):
    repo: str | None = None
    """The hub repository that checkpoints are uploaded to; None uploads nothing."""
    private: bool = True
    """Of a repository that the upload makes."""
    push: Literal["end", "every_save"] = "end"
    """When to upload."""


class Recipe(Section):
    task: str
    """The task's name, such as cad."""
    dataset: str
    """A dataset folder, or `hf:<repo>`."""
    columns: dict[str, str] = {}
    """For `hf:` datasets: our column to theirs."""
    options: dict[str, Any] = {}
    """For `hf:` rows and folders of others' Parquet files: the task's options by which examples are made of them,
    such as `{style: {font_size: 11}}`. A dataset made by redraft has its own."""
    output: str | None = None
    """The run's folder; `--out` wins over it."""
    seed: int = 0
    """Decides the order of examples, dropout, and the first weights of the tiny model and of adapters."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """auto takes CUDA, else Metal (mps) where it was tried and computes right, else the CPU."""
    model: Model = Model()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    hub: Hub = Hub()

    @model_validator(mode="after")
    def _sound(self) -> Recipe:
        if self.train.precision == "fp16" and self.device == "cpu":
            raise ValueError("train.precision: fp16 does not train on the CPU; use bf16 or fp32")
        if self.train.pack and self.train.batch_tokens is None:
            raise ValueError("train.pack: needs train.batch_tokens, the length of a packed row, such as 4096")
        if self.train.patience is not None and self.train.evaluate_every is None:
            raise ValueError("train.patience: needs train.evaluate_every, as it counts evaluations")
        if self.model.quantise is not None and self.model.adapter is None:
            raise ValueError("model.quantise: 4-bit weights do not train; give model.adapter too")
        if self.train.feature_cache == "on" and "vision" not in self.model.freeze and self.model.adapter is None:
            raise ValueError(
                "train.feature_cache: a vision encoder that is trained has no features to keep; give "
                "model.freeze: [vision], or feature_cache: auto"
            )
        augment = self.train.augment
        if self.train.feature_cache == "on" and augment is not None and augment.variants is None:
            raise ValueError(
                "train.feature_cache: train.augment shows other pictures every epoch, so there are no features to "
                "keep; give train.augment.variants, or feature_cache: auto"
            )
        return self


def read_recipe(path: Path | str, overrides: Iterable[str] = ()) -> Recipe:
    """Reads a YAML recipe and applies `key=value` overrides. Any fault is a RecipeError that names its key."""
    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError("there is no such recipe", where=str(path), remedy="See recipes/ for examples") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise RecipeError(
            f"not a YAML file ({str(error).splitlines()[0]})",
            where=str(path),
            remedy="See recipes/ for examples",
        ) from None
    if not isinstance(data, dict):
        raise RecipeError("a recipe is a mapping of keys", where=str(path), remedy="See recipes/ for examples")
    return recipe_from_data(_with(data, overrides), where=str(path))


def take_recipe(given: Path | str | Mapping[str, Any], overrides: Iterable[str] = ()) -> Recipe:
    """The recipe of a YAML file, or of data that is taken as such, with `key=value` overrides."""
    if isinstance(given, Mapping):
        return recipe_from_data(_with(copy.deepcopy(dict(given)), overrides))
    return read_recipe(given, overrides)


def _with(data: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    for text in overrides:
        override(data, text)
    return data


def recipe_from_data(data: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """Validates recipe data; the message names the first wrong key, its value and what is allowed."""
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(first["loc"][-1]), _keys(Recipe), n=1)
            remedy = f"Did you mean '{near[0]}'?" if near else "docs/recipes.md lists all keys"
            raise RecipeError(f"there is no key '{key}'", where=where, remedy=remedy) from None
        what = first["msg"].removeprefix("Value error, ")
        given = "" if first["type"] in ("missing", "value_error") else f", not {first['input']!r}"
        raise RecipeError(
            f"{key + ': ' if key else ''}{what}{given}", where=where, remedy="docs/recipes.md lists all keys"
        ) from None


def override(data: dict[str, Any], text: str) -> None:
    """Sets one key of recipe data in place. text: "train.epochs=3", its value as YAML; else a RecipeError."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise RecipeError(f"'{text}' is not an override", remedy="Write key=value, such as train.epochs=3")
    node = data
    *parents, last = key.split(".")
    for parent in parents:
        if not isinstance(node.get(parent), dict):
            node[parent] = {}
        node = node[parent]
    try:
        node[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise RecipeError(
            f"the value of '{text}' cannot be read", remedy="Quote it as YAML would want it"
        ) from None


def _keys(section: type[BaseModel]) -> list[str]:
    names: list[str] = []
    for name, info in section.model_fields.items():
        names.append(name)
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            names += _keys(info.annotation)
    return [*names, *Adapter.model_fields]
