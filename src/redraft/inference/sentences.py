"""The figures of an evaluation in plain sentences, with the number of examples and what failed."""

from __future__ import annotations

from typing import Any

from redraft.inference.statistics import signed

FEW = 500
"""Below so many examples the interval is wide; the literature's advice for CAD reconstruction (see docs)."""


def sentences(result: dict[str, Any]) -> list[str]:
    """result: what `evaluate` returns, before its sentences. The first one holds the score itself."""
    said = [_score(result), _failures(result)]
    if result.get("trained_on"):
        said.append("The model was trained on these very examples, so this score says nothing of unseen ones.")
    if result["best_of"]:
        best = result["best_of"]
        said.append(
            f"The best of {best['samples']} answers, chosen with the truth in hand, scores {best['mean']:.3f}"
            f"{_between(best['interval'])}; the first answer alone is the score above."
        )
    if result["speed"]["cut"]:
        said.append(
            f"{_count(result['speed']['cut'], 'answer')} of {result['speed']['answers']} hit the length limit."
        )
    if result["speed"].get("looped"):
        looped = result["speed"]["looped"]
        said.append(
            f"{_count(looped, 'answer')} repeated {'itself' if looped == 1 else 'themselves'} and had to be ended."
        )
    if result["images"]:
        said.append(result["images"]["says"])
    if "against" in result:
        said.append(_against(result["against"]))
    said += [_beside(f"The baseline {name}", other) for name, other in result.get("baselines", {}).items()]
    if "baselines" in result:
        said += _best_baseline(result["baselines"])
    said += [_text(name, other) for name, other in result.get("text", {}).items()]
    if result["examples"] < FEW:
        said.append(
            f"{_count(result['examples'], 'example')} are few: take the interval seriously, and use at least "
            f"{FEW} to compare models."
        )
    return said


def _score(result: dict[str, Any]) -> str:
    return (
        f"Score {result['mean']:.3f}{_between(result['interval'])}, median {result['median']:.3f}, over "
        f"{_count(result['examples'], 'example')}; every failed answer counts as zero."
    )


def _failures(result: dict[str, Any]) -> str:
    failed = sum(result["failures"].values())
    if not failed:
        return f"All {_count(result['examples'], 'answer')} are valid."
    reasons = ", ".join(f"{count} {reason}" for reason, count in result["failures"].items())
    return f"{failed} of {_count(result['examples'], 'answer')} failed: {reasons}."


def _against(other: dict[str, Any]) -> str:
    return _beside(other["model"][:1].upper() + other["model"][1:], other)


def _text(name: str, other: dict[str, Any]) -> str:
    tokens, pictures = other["prompt_tokens"], other["prompt_tokens_of_pictures"]
    shown = "cut to as many tokens as its pictures cost" if "equal" in name else "itself in place of its pictures"
    cost = f"{tokens:,.0f} tokens a prompt, against {pictures:,.0f} with pictures"
    return _beside(f"The same model on the text {shown} ({cost})", other)


def _best_baseline(baselines: dict[str, Any]) -> list[str]:
    """Whether the model is shown to be better than the best of what needs no model."""
    name, best = max(baselines.items(), key=lambda pair: pair[1]["mean"])
    interval = best["gain"]["interval"]
    if interval and interval[0] > 0:
        return [f"So the model is better than every baseline; the best of them is {name}."]
    return [f"So the model is not shown to be better than the baseline {name}, which needs no model."]


def _beside(name: str, other: dict[str, Any]) -> str:
    gain = other["gain"]
    sure = gain["interval"] and (gain["interval"][0] > 0 or gain["interval"][1] < 0)
    return (
        f"{name} scores {other['mean']:.3f} on the same examples: a difference of {signed(gain['difference'])}"
        f"{_between(gain['interval'], sign=True)}, better on {gain['better']}, equal on {gain['equal']}, worse on "
        f"{gain['worse']}" + ("." if sure else "; the interval holds zero, so this is no proven difference.")
    )


def _between(interval: list[float] | None, sign: bool = False) -> str:
    if not interval:
        return ""
    low, high = (signed(value) if sign else f"{value:.3f}" for value in interval)
    return f" (95 % interval {low} to {high})"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
