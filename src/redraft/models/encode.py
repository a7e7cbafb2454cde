"""Example -> Encoding: the tensors of one example, through the processor of its model.

`encode` is `encode_prompt` plus `encode_target`; the predictor calls the same `encode_prompt`, so training and
answering see the same pixels and the same tokens. Only the answer and its end token carry loss.

Shapes: L tokens of the example, n pictures, P tokens of the prompt.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from redraft.core.errors import InputError
from redraft.core.example import Example, Message
from redraft.models.families import family_of
from redraft.models.load import Loaded
from redraft.models.pictures import open_pictures

IGNORE = -100
"""The label of a token that carries no loss, as torch's cross-entropy has it."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """One example as a model reads it.

    input_ids, labels: int64 [L]; labels are the same ids where the loss counts, IGNORE elsewhere.
    pixel_values: as the processor makes them, [n, 3, H, W] for most families; None without pictures.
    extra: further tensors of the processor; those named in per_token have one value a token [L].
    features: what the frozen vision side makes of the pictures, in place of pixels, as its family names them.
    """

    id: str
    input_ids: Tensor
    labels: Tensor
    prompt_length: int
    pixel_values: Tensor | None = None
    extra: dict[str, Tensor] = field(default_factory=dict)
    per_token: frozenset[str] = frozenset()
    features: dict[str, Tensor] | None = None

    def __len__(self) -> int:
        return self.input_ids.shape[0]

    @property
    def supervised(self) -> int:
        """How many tokens carry loss."""
        return self.labels.shape[0] - self.prompt_length


class Encoder:
    """Encodes examples for one loaded model. Safe to share between threads."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.family = family_of(loaded.family)
        self.processor = loaded.processor
        self.tokenizer = getattr(loaded.processor, "tokenizer", loaded.processor)
        self.end_ids = end_token_ids(loaded)
        if not getattr(self.processor, "chat_template", None) and not getattr(
            self.tokenizer, "chat_template", None
        ):
            raise InputError(
                "this model has no chat template, so a question cannot be put to it",
                where=loaded.source.name,
                remedy="Choose a model tuned for instructions, or add chat_template.jinja to its folder",
            )

        # A tokenizer that comes with settings for cutting or padding drops them at its first call, which must not
        # happen in two threads at once.
        self.tokenizer(" ", add_special_tokens=False)

    @property
    def positions(self) -> int | None:
        """The longest sequence that the model can take, where its configuration says so."""
        return getattr(self.loaded.model.config.get_text_config(), "max_position_embeddings", None)

    @property
    def pad_id(self) -> int:
        pad = self.tokenizer.pad_token_id
        return int(pad if pad is not None else self.end_ids[0])

    def encode_prompt(self, example: Example) -> Encoding:
        """The pictures and the conversation up to the answer, ready to be continued."""
        return self._prompt(example, self._text(example, example.prompt, ask=True))

    def encode(self, example: Example) -> Encoding:
        """The whole example with its answer; an example without one is an InputError."""
        text = self._text(example, example.prompt, ask=True)
        target = self.encode_target(example, text)
        prompt = self._prompt(example, text)
        length, more = len(prompt), len(target)
        labels = torch.full((length + more,), IGNORE, dtype=torch.int64)
        labels[length:] = target
        extra = {
            name: torch.cat([value, value.new_full((more,), self.family.answer_value(name))])
            if name in prompt.per_token
            else value
            for name, value in prompt.extra.items()
        }
        return Encoding(
            example.id,
            torch.cat([prompt.input_ids, target]),
            labels,
            length,
            prompt.pixel_values,
            extra,
            prompt.per_token,
        )

    def encode_target(self, example: Example, prompt_text: str | None = None) -> Tensor:
        """The answer's tokens and its end token, int64, as the model's own template writes them.

        The prompt's text and its tokens must be a prefix of the whole conversation's, and the answer must follow
        directly; a template that does otherwise is an InputError, because its model could not be trained on the
        tokens that it will later be asked to write.
        """
        if not example.answer:
            raise InputError("this example has no answer", where=example.id, remedy="Leave it out of training")
        before = prompt_text if prompt_text is not None else self._text(example, example.prompt, ask=True)
        whole = self._text(example, example.messages, ask=False)
        rest = whole[len(before) :]
        if not whole.startswith(before) or not rest.lstrip().startswith(example.answer.strip()):
            raise self._template_fault(example, "does not put the answer right behind the prompt")
        before_ids = self.tokenizer(before, add_special_tokens=False)["input_ids"]
        whole_ids = self.tokenizer(whole, add_special_tokens=False)["input_ids"]
        if whole_ids[: len(before_ids)] != before_ids:
            raise self._template_fault(example, "lets the first token of the answer melt into the prompt")
        target = whole_ids[len(before_ids) :]
        ends = [at for at, token in enumerate(target) if token in self.end_ids]
        target = target[: ends[0] + 1] if ends else [*target, self.end_ids[0]]
        return torch.tensor(target, dtype=torch.int64)

    def _text(self, example: Example, messages: tuple[Message, ...], ask: bool) -> str:
        try:
            return str(
                self.processor.apply_chat_template(
                    [message.as_data() for message in messages], tokenize=False, add_generation_prompt=ask
                )
            )
        except Exception as error:  # jinja templates raise their own errors on roles they do not know
            raise InputError(
                f"the model's chat template refuses this conversation ({type(error).__name__}: {error})",
                where=example.id,
                remedy="Look at the example with `redraft data show`, or choose another model",
            ) from None

    def _prompt(self, example: Example, text: str) -> Encoding:
        pictures = open_pictures(example)
        try:
            found = self.family.process(self.processor, text, pictures)
        except (ValueError, TypeError, KeyError, IndexError, RuntimeError) as error:
            raise InputError(
                f"the model's processor refuses this example ({type(error).__name__}: {error})",
                where=example.id,
                remedy="Check that it has one image place for every image, with `redraft data check`",
            ) from error
        ids = found.pop("input_ids")[0].to(torch.int64)
        found.pop("attention_mask", None)
        found.pop("labels", None)
        pixels = found.pop("pixel_values", None)
        per_token = frozenset(name for name, value in found.items() if tuple(value.shape) == (1, ids.shape[0]))
        extra = {name: value[0] if name in per_token else value for name, value in found.items()}
        labels = torch.full_like(ids, IGNORE)
        return Encoding(example.id, ids, labels, ids.shape[0], pixels, extra, per_token)

    def _template_fault(self, example: Example, what: str) -> InputError:
        return InputError(
            f"the chat template of {self.loaded.source.name} {what}",
            where=example.id,
            remedy="Choose another model, or correct chat_template.jinja in its folder",
        )


def end_token_ids(loaded: Loaded) -> list[int]:
    """The tokens that end an answer: those the model's generation settings name, else its tokenizer's."""
    tokenizer = getattr(loaded.processor, "tokenizer", loaded.processor)
    named = getattr(getattr(loaded.model, "generation_config", None), "eos_token_id", None)
    found = [named] if isinstance(named, int) else list(named or [])
    own = tokenizer.eos_token_id
    if own is not None and own not in found:
        found.insert(0, own)
    if not found:
        raise InputError(
            "this model has no end token, so its answers would never end",
            where=loaded.source.name,
            remedy="Set eos_token in its tokenizer_config.json",
        )
    return [int(token) for token in found]
