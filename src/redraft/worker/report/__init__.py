"""The run report: one HTML file that tells what a training run did, readable without a network or a script."""

from redraft.worker.report.page import write_report

__all__ = ["write_report"]
