"""Verdicts: effects in, words out. What a contrast says, what a cell says, and the answer in one sentence.

contrasts     what a row of effects says, as values: who wins, by how much, or how many seeds are lacking
answers       what the contrasts of a cell say to the question
commands      what to type to train runs again
sentences     one contrast in words
notes         in words, what keeps a number from being claimed
interactions  whether a difference depends on a setting, in words
mechanisms    what a study asks beside who is better, from what was measured
more_seeds    the command that adds seeds
verdicts      the words about a cell, and the headline
"""
