"""The command that adds seeds."""

import pytest

from bnexp.verdicts.more_seeds import with_seeds


@pytest.mark.parametrize(
    ("command", "total", "expected"),
    [
        ("bnexp -m 'seed=range(10)' lr=0.1,1", 18, "bnexp -m lr=0.1,1 'seed=range(18)'"),
        ("bnexp -m 'seed=range(5,10)'", 8, "bnexp -m 'seed=range(5,13)'"),
        ("bnexp -m seed=0,1,2", 5, "bnexp -m 'seed=range(5)'"),
        ("bnexp -m seed=3,7", 4, "bnexp -m seed=3,7,8,9"),
        ("bnexp placement=pre,post", 7, "bnexp -m placement=pre,post 'seed=range(7)'"),
        ("bnexp study=placement", 12, "bnexp study=placement 'seed=range(12)'"),
        ("bnexp study=placement 'name=two words'", 2, "bnexp study=placement 'name=two words' 'seed=range(2)'"),
        ("bnexp -m 'seed=choice(1,2)'", 3, "bnexp -m 'seed=range(3)'"),
        ("bnexp -m 'seed=range(20)'", 10, "bnexp -m 'seed=range(20)'"),
    ],
)
def test_a_command_gets_more_seeds_and_keeps_those_it_has(command: str, total: int, expected: str) -> None:
    assert with_seeds(command, total) == expected
