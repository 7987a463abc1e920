"""Overrides that are written can be typed: a shell, Hydra and OmegaConf read the value that was meant."""

import random
import shlex
import subprocess

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from bnexp.cli.typed import quote_texts
from bnexp.verdicts.commands import write_override
from tests.support.fuzzing import fuzz

PARSER = OverridesParser.create()
SIGNS = " \t\n'\"\\\\\\,=:;${}[]()<>|&!?*~#%@/.+-_aeE01ü→\x01"
LETTERS = [chr(code) for code in (*range(1, 0xD800, 97), *range(0xE000, 0x110000, 9973))]
TEXTS = (
    st.text(st.one_of(st.sampled_from(SIGNS), st.characters(exclude_categories=("Cs",), exclude_characters="\0")))
    | st.lists(st.sampled_from(["\\", "'", '"', "${", "}", "a", " ", ","])).map("".join)
).filter(lambda text: text != "???")
SCALARS = st.one_of(TEXTS, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False))
VALUES = SCALARS | st.lists(SCALARS)

AWKWARD = [
    *("", " ", "true", "False", "null", "1e3", "1.50", "2026_11_25", "inf", "NaN", "-1", "007", "0x1"),
    *("~/a b", "a,b", "a=b", "it's", '"q"', "\\", "a\\", "\\'", "\\\\'", "$HOME", "${x}", "\\${x}", "a\\\\${x}\\"),
    *("{a:1}", "[1]", "range(3)", "choice(a,b)", "Übung", "a\nb", "a\tb", "\x1b[31m", "a:b", "C:\\data\\"),
    *("#a", "!a", "`a`", "a\\\n"),
]


def read(word: str) -> list[object]:
    """Return the values that Hydra and OmegaConf read in an override."""
    (override,) = PARSER.parse_overrides([word])
    words = [f"k={text}" for text in override.sweep_string_iterator()] if override.is_sweep_override() else [word]
    values = [value.value() for value in PARSER.parse_overrides(words)]
    container = OmegaConf.to_container(OmegaConf.create({"x": values}), resolve=True)
    assert isinstance(container, dict)
    return list(container["x"])


def check(values: list[object]) -> None:
    """A key that takes anything is given what was meant; one that takes text is, too, in a command of ours."""
    (word,) = shlex.split(shlex.join([write_override("key", values)]))
    assert repr(read(word)) == repr(values)
    if all(isinstance(value, str) for value in values):
        (word,) = quote_texts([write_override("name", values)])
        assert read(word) == values


@settings(max_examples=500, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=3))
@example(AWKWARD)
def test_an_override_that_is_written_is_read_as_the_value_that_was_meant(values: list[object]) -> None:
    check(values)


def vary(rng: random.Random, _: list[object]) -> list[object]:
    """Return one to three values, texts most of the time: they are what can be read in two ways."""
    return [draw_value(rng, 2) for _ in range(rng.randint(1, 3))]


def draw_value(rng: random.Random, depth: int) -> object:
    """Return a text of signs that mean something to a shell or to Hydra, a number or a list."""
    kind = rng.randrange(8)
    if kind == 0 and depth:
        return [draw_value(rng, depth - 1) for _ in range(rng.randrange(3))]
    if kind == 1:
        return rng.choice((None, True, False, rng.randint(-99, 2**70), rng.random(), 10.0 ** rng.randint(-300, 300)))
    if kind == 2:
        return rng.choice(AWKWARD)
    if kind == 3:
        return "".join(rng.choices(LETTERS, k=4))
    text = "".join(rng.choices(SIGNS, k=rng.randint(0, 12)))
    return "a" if text == "???" else text


@pytest.mark.fuzz
def test_two_hundred_thousand_overrides_are_read_as_the_values_that_were_meant() -> None:
    assert fuzz(check, st.lists(VALUES, min_size=1, max_size=3), vary, 200_000) < 2**28


@pytest.mark.parametrize("text", AWKWARD)
def test_a_real_shell_reads_it_too(text: str) -> None:
    line = shlex.join(["printf", "%s", write_override("key", [text])])
    word = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True).stdout.decode()
    assert read(word) == [text]


def test_what_needs_no_quotes_has_none() -> None:
    assert write_override("lr", [0.1, 1e-5]) == "lr=0.1,1e-05"
    assert write_override("hidden", [(8, 4)]) == "hidden=[8,4]"
    assert write_override("name", ["a-b.1"]) == "name=a-b.1"
    assert write_override("data.root", ["/data/mnist"]) == "data.root=/data/mnist"
    assert write_override("steps", [None]) == "steps=null"
