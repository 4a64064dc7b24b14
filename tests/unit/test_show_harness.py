"""The exercise harness: finds what is broken in an exercise, on a notebook made for the purpose."""

import pytest

from lib.show import checks
from tests.exercises import harness

SOURCE = '''# %% tags=["setup"]
raise RuntimeError("the setup cell must not run")

# %%
import math
from lib.show import checks
from lib.show.checks import Case
raise RuntimeError("only the imports may run")

# %% tags=["for-exercises"]
TWO = 2.0

# %% [markdown]
# ### Exercise 1: roots (2 minutes, easy)

# %% tags=["exercise"]
def root(x):
    return ...

# %% tags=["check"]
checks.check(root, [Case("four", (4,), TWO, "square it and see", traps=((16, "that is the square"),))])

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def root(x):
#     return math.sqrt(x)
# ```
# </details>
'''


@pytest.fixture
def sources(tmp_path):
    (tmp_path / "99_made_up.py").write_text(SOURCE)
    return tmp_path


def test_solution_stub_and_wrong_answer(sources):
    (exercise,) = harness.exercises("99_made_up", sources)
    assert exercise.run(exercise.solution)[0]["status"] == checks.RIGHT
    assert exercise.run(exercise.stub)[0]["status"] == checks.NOT_TRIED
    wrong = exercise.run("def root(x):\n    return x * x")[0]
    assert wrong["status"] == checks.WRONG and wrong["rows"][0]["hint"] == "that is the square"


def test_suite_wants_wrong_answers_and_the_intended_hint(sources):
    with pytest.raises(AssertionError, match="no wrong answer"):
        harness.suite("99_made_up", [], sources)
    wrong = [(1, "squares", "root = lambda x: x * x", "another hint")]
    test = harness.suite("99_made_up", wrong, sources)
    cases = test.pytestmark[0].args[1]
    assert len(cases) == 3
    with pytest.raises(AssertionError):
        test(*cases[-1])


def test_missing_solution_is_named(sources):
    path = sources / "99_made_up.py"
    path.write_text(path.read_text().replace("<details>", "<div>"))
    with pytest.raises(ValueError, match="exercise 1: .*0$"):
        harness.exercises("99_made_up", sources)
