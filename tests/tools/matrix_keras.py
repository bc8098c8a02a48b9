"""`make matrix-keras`: the client beside each TensorFlow and Keras that it says it takes.

Each pair gets an environment of its own in .venv-keras, which is kept, and runs the tests of the
capture there: minutes and gigabytes. Arguments choose pairs by name, all without.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HOME = Path(".venv-keras")
TOOLS = ("pytest", "pytest-timeout", "hypothesis")
KERAS_3 = tuple(
    f"tests/client/test_keras_{name}.py"
    for name in (
        *("signals", "evaluation", "evaluation_untouched", "untouched", "failures"),
        *("programs", "import"),
    )
)
KERAS_2 = ("tests/client/legacy",)

MIRRORED = "signals.py::test_replicas_are_merged_to_the_whole_batch"
"""Compares with one device; before 3.8 Keras did not divide the loss of a replica."""
SEVERAL = "untouched.py::test_a_training_is_the_same_bit_for_bit[several_steps_per_call]"
"""Wants four sampled steps; up to 3.6 the last call of an epoch ends without a result."""
SCALED = "signals.py::test_norms_and_losses_are_those_of_a_training_by_hand[scaled]"
"""Its training by hand reads the loss scale as later versions show it."""


@dataclass(frozen=True)
class Pair:
    """One environment."""

    name: str
    requirements: tuple[str, ...]
    tests: tuple[str, ...] = KERAS_3
    extra: tuple[str, ...] = ()
    """Installed without what they require: tf_keras asks for the large TensorFlow."""
    without: tuple[str, ...] = ()
    """Tests that this version is no subject of; each has its reason above."""

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(HOME / self.name / "bin" / "python")


PAIRS = (
    Pair("2.13", ("tensorflow-cpu==2.13.*",), KERAS_2),
    Pair("2.14", ("tensorflow-cpu==2.14.*",), KERAS_2),
    Pair("2.15", ("tensorflow-cpu==2.15.*",), KERAS_2),
    Pair(
        "2.16",
        ("tensorflow-cpu==2.16.*", "keras==3.3.*"),
        without=(MIRRORED, SEVERAL, SCALED),
    ),
    Pair("2.17", ("tensorflow-cpu==2.17.*", "keras==3.4.*"), without=(MIRRORED, SEVERAL)),
    Pair("2.18", ("tensorflow-cpu==2.18.*", "keras==3.5.*"), without=(MIRRORED, SEVERAL)),
    Pair("2.19", ("tensorflow-cpu==2.19.*", "keras==3.6.*"), without=(MIRRORED, SEVERAL)),
    Pair("2.20", ("tensorflow-cpu==2.20.*", "keras==3.10.*")),
    Pair("newest", ("tensorflow-cpu", "keras")),
    Pair("tf_keras", ("tensorflow-cpu==2.20.*",), KERAS_2, extra=("tf_keras==2.20.*",)),
)

ENVIRONMENT = {**os.environ, "PYTHONPATH": ".", "TF_CPP_MIN_LOG_LEVEL": "3"}
MEASURED = """
from {models} import compiled
from tests.client.models import LABELS, X, Recording, fit
seen = Recording(allowance_seconds=1e6)
fit(compiled(), [seen], X, LABELS)
parts = {{"losses": "data_loss", "gradients": "grad_norm", "inputs": "input_mean"}}
parts |= {{"classes": "label_count"}}
found = [part for part, name in parts.items() if name in seen.run.names]
print(seen.run.description[0].framework_version, ", ".join(found) or "only the loss and metrics")
"""


def make(pair: Pair, python: str) -> None:
    """Make its environment, or bring it up to date."""
    subprocess.run([python, "-m", "venv", str(HOME / pair.name)], check=True)
    pip = [pair.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, ".", *pair.requirements, *TOOLS], check=True)
    if pair.extra:
        subprocess.run([*pip, "--no-deps", *pair.extra], check=True)


def pytest(pair: Pair) -> str:
    """Run its tests; return what they said."""
    options = ["-c", os.devnull, "--rootdir", ".", "--import-mode=importlib", "--quiet"]
    options += ["-p", "no:cacheprovider", "--tb=line"]
    for name in pair.without:
        options += ["--deselect", f"tests/client/test_keras_{name}"]
    command = [pair.python, "-m", "pytest", *options, *pair.tests]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    return done.stdout


def measured(pair: Pair) -> str:
    """Return its version of Keras, and what is measured of a small training."""
    models = "tests.client.legacy.models" if pair.tests == KERAS_2 else "tests.client.models"
    command = [pair.python, "-c", MEASURED.format(models=models)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()[-200:]


def count(said: str, words: str) -> int:
    """Return the number that stands before one of those words in pytest's last line."""
    found = re.findall(rf"(\d+) (?:{words})", said.splitlines()[-1] if said else "")
    return sum(int(number) for number in found)


def say(text: str) -> None:
    """Write a line of the table."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(python: str, names: list[str]) -> int:
    """Print a table; return 1 if a test failed."""
    broken = False
    say(f"{'tensorflow':<12}{'passed':>7}{'failed':>7}  keras, what is measured")
    for pair in PAIRS:
        if names and pair.name not in names:
            continue
        make(pair, python)
        said = pytest(pair)
        passed, failed = count(said, "passed"), count(said, "failed|errors?")
        say(f"{pair.name:<12}{passed:>7}{failed:>7}  {measured(pair)}")
        if failed or not passed:
            broken = True
            say(said[-3000:])
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
