"""Samples of an evaluation as the API gives them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class SetItem(BaseModel):
    """One evaluation whose samples were kept."""

    id: str
    final: bool = Field(description="Whether it was made after training.")
    step: int | None
    split: str | None
    examples: int | None = Field(description="That were evaluated; some of them are kept as samples.")
    mean: float | None = Field(description="Score from 0 to 1.")
    interval: list[float] | None
    valid: float | None = Field(description="The part of answers that are valid.")


class SampleAnswer(BaseModel):
    """What a model said to a sample."""

    model: str | None = None
    name: str | None = None
    answer: str | None = None
    score: dict[str, Any] | None = Field(None, description="value, reason, details.")
    finish: str | None = Field(None, description="`stop`, or `length` where it was cut.")
    tokens: int | None = None
    logprob: float | None = Field(None, description="The mean of its tokens.")
    marks: list[Any] | None = Field(None, description="What the task points out in it: [start, end, note].")
    drawn: list[str] = Field([], description="Ids of pictures of the answer.")


class Sample(BaseModel):
    """One example with what was answered."""

    id: str = Field(description="Of the example in its dataset.")
    rank: int | None = Field(description="1 is the best answer of all.")
    of: int | None
    true_answer: str | None
    shown: list[str] = Field(description="Ids of the pictures the model saw: .../images/<id>.")
    answer: SampleAnswer
    before: SampleAnswer | None = Field(description="What was answered before training.")
    beside: list[SampleAnswer] = Field(description="What others answered: baselines, the model on the text.")


class SampleSet(SetItem):
    """An evaluation with its samples, from the best answer to the worst."""

    says: list[str] = Field(description="Its figures in sentences.")
    samples: list[Sample]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "step-126",
                    "final": False,
                    "step": 126,
                    "split": "validation",
                    "examples": 32,
                    "mean": 0.61,
                    "interval": [0.5, 0.72],
                    "valid": 0.97,
                    "says": ["Score 0.610 (95 % interval 0.500 to 0.720), over 32 examples."],
                    "samples": [
                        {
                            "id": "part-1-000200",
                            "rank": 1,
                            "of": 32,
                            "true_answer": "+ z 0 96\nr 0 0 128 64",
                            "shown": ["1-shown-1", "1-shown-2", "1-shown-3"],
                            "answer": {
                                "answer": "+ z 0 96\nr 0 0 128 64",
                                "score": {"value": 1.0, "reason": "ok"},
                                "finish": "stop",
                                "tokens": 14,
                                "logprob": -0.01,
                                "drawn": ["1-drawn-1"],
                            },
                            "before": None,
                            "beside": [],
                        }
                    ],
                }
            ]
        }
    )
