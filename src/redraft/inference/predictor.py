"""Answers of a model in this process: the same predictor in evaluation, in the middle of training and in serving.

Prompts are encoded by the `Encoder.encode_prompt` that training used, so a served picture becomes the same tokens
and pixels as a trained one. Shapes: B rows of a batch (an example's n-th answer is a row), L tokens of the longest
prompt, padded on the left so that all answers start in the same column, T generated tokens.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import GenerationConfig, StoppingCriteria

from redraft.core.example import Example
from redraft.core.prediction import Prediction, Predictor
from redraft.core.recipe import Evaluate
from redraft.inference.blindness import AnswerLoss
from redraft.inference.choosing import Choice, row_seed
from redraft.inference.limits import RoomStop, answer_limits
from redraft.inference.loops import Loop, LoopStop
from redraft.inference.openai_server import likeliest
from redraft.inference.quiet import quiet
from redraft.inference.watching import Watch, WatchStop
from redraft.models.collate import collate, on_device
from redraft.models.encode import Encoder, Encoding
from redraft.models.load import Loaded
from redraft.models.loss import loss_per_example, unwrapped

HALF = "\ufffd"
"""What a decoder writes for a letter whose last bytes are missing, as where a loop is cut inside of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One answer to be generated: the n-th of the example at index.

    seed: None takes the likeliest tokens. limit, temperature: None as the predictor's. watch: is told every token.
    """

    index: int
    sample: int
    seed: int | None
    encoding: Encoding
    limit: int | None = None
    temperature: float | None = None
    top_p: float = 1.0
    watch: Watch | None = None


class LocalPredictor:
    """A loaded model that answers examples.

    settings: batch_size, max_new_tokens and loop_stop are read. temperature: of the answers beyond the first,
    which is greedy. seed: with it, an example's n-th answer is the same every time, whatever else is in the batch;
    up to the last bits of batched arithmetic, which can turn a choice between two equally likely tokens.
    """

    def __init__(
        self,
        loaded: Loaded,
        encoder: Encoder,
        settings: Evaluate | None = None,
        *,
        temperature: float = 0.7,
        seed: int = 0,
        name: str = "",
    ) -> None:
        self.loaded, self.encoder = loaded, encoder
        self.settings = settings or Evaluate()
        self.temperature, self.seed = temperature, seed
        self.name = name or loaded.source.name
        self.task_options: dict[str, Any] = {}
        """The options of the dataset that the model was trained on, where its checkpoint knows them: who asks it
        something new asks in the same form."""

    @classmethod
    def from_checkpoint(cls, folder: Path | str, *, device: str = "auto", **settings: Any) -> Predictor:
        """The predictor of a checkpoint, a run or a model folder; see `inference.opening.open_predictor`."""
        from redraft.inference.opening import open_predictor  # which makes LocalPredictors, hence here

        return open_predictor(folder, device=device, **settings)

    @property
    def positions(self) -> int | None:
        """Of the longest sequence that the model takes, where its configuration says so."""
        return self.encoder.positions

    def prompt_tokens(self, example: Example) -> int:
        """Tokens of the example's prompt, those of its pictures included."""
        return len(self.encoder.encode_prompt(example))

    def check_length(self, example: Example) -> None:
        """Raises InputError where the model has no positions for the prompt and its answer: the true one, or a
        first token where none is known."""
        tokens = len(self.encoder.encode(example)) - 1 if example.answer else self.prompt_tokens(example)
        answer_limits([tokens], [example.id], 1, self.positions, self.name)

    def predict(self, examples: Sequence[Example], *, samples: int = 1) -> list[list[Prediction]]:
        """samples answers an example, in the order of examples: the greedy one, then the drawn ones by falling
        mean log-probability.

        An example that cannot be encoded, or whose prompt fills all positions of the model, is an InputError; an
        answer ends where they do. The model's modes and torch's random state are left as they were, so this may be
        called between two steps of a training.
        """
        encodings = [self.encoder.encode_prompt(example) for example in examples]
        rows = [
            Row(index, sample, row_seed(self.seed, example.id, sample), encoding)
            for index, (example, encoding) in enumerate(zip(examples, encodings, strict=True))
            for sample in range(samples)
        ]
        answers = iter(self.answer(rows))
        found = [[next(answers) for _ in range(samples)] for _ in examples]
        return [[one[0], *sorted(one[1:], key=likeliest)] for one in found]

    def answer(self, rows: Sequence[Row]) -> list[Prediction]:
        """One answer a row, in their order."""
        order = sorted(range(len(rows)), key=lambda at: len(rows[at].encoding))  # like lengths: the least padding
        answers: dict[int, Prediction] = {}
        with quiet(self.loaded.model):
            for places in _pieces(order, self.settings.batch_size):
                batch = [rows[at] for at in places]
                answers.update(zip(places, self._generate_fitting(batch), strict=True))
        return [answers[at] for at in range(len(rows))]

    def answer_losses(self, examples: Sequence[Example]) -> list[AnswerLoss]:
        """The summed loss in nats of each example's true answer, each token given the right ones before it, and
        its number of tokens. The model is left as it was."""
        found: list[AnswerLoss] = []
        with quiet(self.loaded.model):
            for piece in _pieces(examples, self.settings.batch_size):
                encodings = [self.encoder.encode(example) for example in piece]
                batch = on_device(collate(encodings, self.encoder.pad_id, "right"), self.loaded.model)
                losses, counts = loss_per_example(self.loaded.model, batch)
                found += zip(losses.double().tolist(), counts.tolist(), strict=True)
        return found

    def _generate_fitting(self, rows: Sequence[Row]) -> list[Prediction]:
        """Halves a batch that does not fit into the accelerator's memory, down to one row."""
        try:
            return self._generate(rows)
        except torch.OutOfMemoryError:
            if len(rows) == 1 or any(row.watch is not None and row.watch.begun for row in rows):
                raise  # nobody can be told the same tokens twice
            torch.cuda.empty_cache()
        half = len(rows) // 2
        return self._generate_fitting(rows[:half]) + self._generate_fitting(rows[half:])

    def _generate(self, rows: Sequence[Row]) -> list[Prediction]:
        started = time.perf_counter()
        batch = on_device(collate([row.encoding for row in rows], self.encoder.pad_id, "left"), self.loaded.model)
        temperatures = [self.temperature if row.temperature is None else row.temperature for row in rows]
        choice = Choice([row.seed for row in rows], temperatures, [row.top_p for row in rows])
        start = batch.inputs["input_ids"].shape[1]
        limits = self._limits(rows)
        stops: list[StoppingCriteria] = [RoomStop(limits, start)] if len(set(limits)) > 1 else []
        looping = self._loop_stop(start, max(limits))
        stops += [looping] if looping else []
        if any(row.watch is not None for row in rows):
            stops.append(WatchStop([row.watch for row in rows], self.encoder.end_ids, limits, choice.logprobs))
        # One process answers by itself, also where several train: it does not ask the others for their lengths.
        ids_BLT = unwrapped(self.loaded.model).generate(
            **batch.inputs,
            generation_config=self._config(max(limits)),
            logits_processor=[choice],
            stopping_criteria=stops,
            synced_gpus=False,
        )
        ids_BT = ids_BLT[:, start:].cpu()
        logprobs_BT = torch.stack(choice.logprobs, dim=1)[:, : ids_BT.shape[1]].cpu()
        seconds = (time.perf_counter() - started) / len(rows)
        loops = looping.found() if looping else [None] * len(rows)
        written = zip(rows, ids_BT.tolist(), logprobs_BT.tolist(), limits, loops, strict=True)
        return [
            self._prediction(row, ids[:limit], logprobs[:limit], seconds, loop)
            for row, ids, logprobs, limit, loop in written
        ]

    def _limits(self, rows: Sequence[Row]) -> list[int]:
        longest = self.settings.max_new_tokens
        lengths, ids = [len(row.encoding) for row in rows], [row.encoding.id for row in rows]
        most = answer_limits(lengths, ids, max(row.limit or longest for row in rows), self.positions, self.name)
        return [min(row.limit or longest, room) for row, room in zip(rows, most, strict=True)]

    def _loop_stop(self, start: int, limit: int) -> LoopStop | None:
        least = self.settings.loop_stop
        return None if least is None else LoopStop(least, start, limit, self.encoder.end_ids)

    def _prediction(
        self, row: Row, ids: list[int], logprobs: list[float], seconds: float, loop: Loop | None
    ) -> Prediction:
        if loop is not None:
            text = self.decode(ids[: loop.kept]).rstrip(HALF).strip()
            per_token = sum(logprobs[: loop.end]) / loop.end
            return Prediction(row.encoding.id, text, "loop", loop.end, seconds, per_token)
        ends = [place for place, token in enumerate(ids) if token in self.encoder.end_ids]
        finish: Literal["stop", "length"] = "stop" if ends else "length"
        count = ends[0] + 1 if ends else len(ids)
        mean = sum(logprobs[:count]) / count if count else None
        return Prediction(row.encoding.id, self.decode(ids[:count]).strip(), finish, count, seconds, mean)

    def decode(self, ids: list[int]) -> str:
        """The text of tokens, without special ones."""
        tokenizer = self.encoder.tokenizer
        return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _config(self, limit: int) -> GenerationConfig:
        """Plain greedy generation. Every value is given: what is left out would come from the model's own file,
        and some models ship a sampling temperature or a repetition penalty there."""
        return GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=limit,
            do_sample=False,
            num_beams=1,
            repetition_penalty=1.0,
            no_repeat_ngram_size=0,
            temperature=1.0,
            top_k=50,
            top_p=1.0,
            use_cache=True,
            eos_token_id=self.encoder.end_ids,
            pad_token_id=self.encoder.pad_id,
        )


def _pieces(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
