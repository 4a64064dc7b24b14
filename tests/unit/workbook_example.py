"""A notebook that passes every lint, and the small ways in which tests break it."""

from pathlib import Path

SETUP = '# %% tags=["setup"]\nimport sys\nprint("Python", sys.version_info[0])\n'
GOOD = '''# %% [markdown]
# # 50 An example
# {{badge}}
#
# **The question:** does everything fit together?

# %% tags=["parameters"]
PROFILE = "laptop"
DATA = "soundscapes"
SEED = 0

# %%
def pipeline(where):
    print("you are here:", where)

print(f"profile {PROFILE}, data {DATA}")
pipeline(["loss"])

# %% [markdown]
# **After this you can**
# - read
# - write
# - count
#
# **Before:** nothing.
#
# <!--runtimes-->
#
# The value is **0.41**<!--m:50.value--> [**.30**<!--m:50.value.low-->, **50.0 %**<!--m:50.value.high-->].

# %%
from IPython.display import display
display({"application/vnd.hearsay.metric+json": {"name": "50.value", "value": 0.41 + SEED, "ci": [0.3, 0.5], "n": 10},
         "text/plain": "50.value = 0.410"}, raw=True)

# %% [markdown]
# ### Exercise 1
# <details></details>
# ### Exercise 2
# <details></details>
# ### Exercise 3
# <details></details>
# ## Recap
# What we did not show: much.
# ## Further reading
'''


def sources(folder: Path, text: str = GOOD, name: str = "50_example") -> Path:
    """A folder of sources that holds one notebook and the setup cell."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "_setup.py").write_text(SETUP)
    (folder / f"{name}.py").write_text(text)
    return folder


def broken(old: str, new: str) -> str:
    """The good notebook with one thing changed."""
    assert old in GOOD, f"the example has no {old!r}"
    return GOOD.replace(old, new)
