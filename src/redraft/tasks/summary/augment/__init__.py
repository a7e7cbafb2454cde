"""Augmentation: one document's pages in many ways, all of them readable."""

from redraft.tasks.summary.augment.transform import TrainingTransform, create_training_transform

__all__ = ["TrainingTransform", "create_training_transform"]
