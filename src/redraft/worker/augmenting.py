"""What a recipe's `train.augment` asks of its task, ready to be handed into training."""

from __future__ import annotations

from redraft.core.errors import RecipeError
from redraft.core.offers import Augments, offers
from redraft.core.recipe import Recipe
from redraft.core.task import Options, Task
from redraft.training.augmented import Augmentation


def augmentation_of(recipe: Recipe, task: Task, options: Options) -> Augmentation | None:
    """What the recipe's train.augment asks for, of the task that offers it; None where it asks for nothing.

    options: of the dataset. A task that offers none is a RecipeError, an unknown setting a UsageError.
    """
    wanted = recipe.train.augment
    if wanted is None:
        return None
    offer = offers(task, Augments)
    if offer is None:
        raise RecipeError(
            f"the task '{task.name}' knows no other ways to show its examples",
            where="train.augment",
            remedy="Leave train.augment out of the recipe",
        )
    if "strength" in wanted.options:
        raise RecipeError(
            "the strength stands beside the options, not among them",
            where="train.augment.options.strength",
            remedy=f"Give train.augment.strength={wanted.options['strength']}",
        )
    settings = {**wanted.options, "strength": wanted.strength}
    return Augmentation(offer.transform(options, settings, recipe.seed), wanted.variants)
