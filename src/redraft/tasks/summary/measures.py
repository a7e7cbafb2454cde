"""Further measures of summaries, made when they are asked for: `redraft evaluate --measure NAME[=SETTING]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from redraft.core.errors import UsageError
from redraft.core.example import Example
from redraft.core.score import Detail
from redraft.core.work import Work

MEASURES: Mapping[str, str] = {
    "stemmed": "ROUGE with the endings of English words cut, as papers on English sets have it",
    "bertscore": "BERTScore; bertscore=FOLDER names the model's folder, FOLDER@9 one of its layers",
    "judge": "marks by a language model on a server; judge=http://host:port/v1#model names it",
}


def measure(
    name: str, setting: str, answers: Sequence[str], examples: Sequence[Example], work: Work
) -> list[Mapping[str, Detail]]:
    """One mapping of details an answer; without answers the setting alone is checked."""
    if name == "stemmed":
        if setting:
            raise UsageError("the measure 'stemmed' takes no setting", remedy="Write --measure stemmed")
        return [_stemmed(answer, example) for answer, example in zip(answers, examples, strict=True)]
    if name == "bertscore":
        from redraft.tasks.summary.score.bertscore import bertscore

        return bertscore(setting, answers, examples, work)
    if name == "judge":
        from redraft.tasks.summary.score.judge import judge

        return judge(setting, answers, examples, work)
    known = "; ".join(f"{key}: {told}" for key, told in MEASURES.items())
    raise UsageError(f"the task summary has no measure '{name}'", remedy=known)


def _stemmed(answer: str, example: Example) -> Mapping[str, Detail]:
    from redraft.tasks.summary.score.rouge import NAMES, rouge
    from redraft.tasks.summary.score.words import words

    reference = str(example.truth.get("summary") or "")
    known = bool(words(answer)) and bool(words(reference))
    found = rouge(reference, answer, stem=True) if known else dict.fromkeys(NAMES, 0.0)
    return {f"{key}_stemmed": value for key, value in found.items()}
