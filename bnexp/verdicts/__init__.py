"""Verdicts: effects in, words out. What a contrast says, what a cell says, and the answer in one sentence."""
