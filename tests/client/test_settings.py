"""Arguments go before the environment, which goes before the defaults; only arguments raise."""

import json
from pathlib import Path

import pytest

from flatline import settings
from flatline.names import RUN_ID, make_run_id, place
from flatline.settings import Settings, resolve


@pytest.fixture(autouse=True)
def _unsaid() -> None:
    """What is said once in a process may be said once in each test."""
    settings._said.clear()


def test_nothing_given_means_the_defaults() -> None:
    """Without arguments and environment the monitor is on this machine."""
    assert resolve({}) == Settings()
    assert resolve({}).target == "127.0.0.1:7511"


def test_the_environment_fills_in_what_the_code_leaves_open() -> None:
    """The same setting in the code wins."""
    environ = {"FLATLINE_TARGET": "monitor:7511", "FLATLINE_PROJECT": "vision"}

    assert resolve(environ, project="speech") == Settings(target="monitor:7511", project="speech")


def test_every_setting_can_come_from_the_environment(tmp_path: Path) -> None:
    """Texts become what the argument would have been."""
    token = tmp_path / "token"
    token.write_text("secret\n")
    environ = {
        "FLATLINE_TARGET": "[::1]:1",
        "FLATLINE_NAME": "n",
        "FLATLINE_PROJECT": "p",
        "FLATLINE_TAGS": "team=vision, gpu=a100",
        "FLATLINE_RUN_ID": "r",
        "FLATLINE_OVERHEAD": "0.05",
        "FLATLINE_ALLOWANCE_SECONDS": "3",
        "FLATLINE_TASK": "gan",
        "FLATLINE_QUIET": "plateau, overfitting",
        "FLATLINE_MODE": "disabled",
        "FLATLINE_RANK": "1",
        "FLATLINE_WORLD_SIZE": "4",
        "FLATLINE_TOKEN_FILE": str(token),
    }

    assert resolve(environ) == Settings(
        target="[::1]:1",
        name="n",
        project="p",
        tags={"team": "vision", "gpu": "a100"},
        run_id="r",
        overhead=0.05,
        allowance_seconds=3.0,
        task="gan",
        quiet=("plateau", "overfitting"),
        mode="disabled",
        rank=1,
        world_size=4,
        token_file=str(token),
    )


@pytest.mark.parametrize(
    ("variable", "text", "sentence"),
    [
        ("FLATLINE_TARGT", "a:1", "FLATLINE_TARGT is no setting and is ignored; there are"),
        ("FLATLINE_OVERHEAD", "much", "FLATLINE_OVERHEAD is 'much'; it must be a number"),
        ("FLATLINE_TAGS", "a", "FLATLINE_TAGS is 'a'; it must be pairs such as"),
        ("FLATLINE_MODE", "off", "FLATLINE_MODE is 'off'; it must be one of online, disabled"),
        ("FLATLINE_MODE", "offline", "FLATLINE_MODE is 'offline', which is not there yet"),
        ("FLATLINE_RANK", "-1", "FLATLINE_RANK is -1; it must be a whole number"),
        ("FLATLINE_TOKEN_FILE", "no/where", "FLATLINE_TOKEN_FILE is 'no/where', which cannot be"),
    ],
)
def test_a_wrong_variable_is_said_once_and_ignored(
    caplog: pytest.LogCaptureFixture, variable: str, text: str, sentence: str
) -> None:
    """The environment may be somebody else's: the training goes on with the default."""
    for _ in range(2):
        assert resolve({variable: text}) == Settings()

    assert len(caplog.records) == 1
    assert caplog.records[0].getMessage().startswith(f"flatline: {sentence}")


def test_variables_of_the_service_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    """FLATLINE_MONITOR_* is for flatline-monitor, empty variables are for nobody."""
    assert resolve({"FLATLINE_MONITOR_HTTP": "x", "FLATLINE_NAME": ""}) == Settings()
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("target", "localhost", "target is 'localhost'; it must be HOST:PORT without a scheme"),
        ("target", "grpc://a:1", "HOST:PORT without a scheme"),
        ("target", "a:70000", "HOST:PORT without a scheme"),
        ("name", "x" * 129, "at most 128 bytes"),
        ("name", "a\nb", "without control characters"),
        ("project", 3, "project is 3; it must be a text"),
        ("tags", {"a": 1}, "at most 32 pairs of text"),
        ("tags", {str(i): "" for i in range(33)}, "at most 32 pairs of text"),
        ("tags", "a=b", "at most 32 pairs of text"),
        ("run_id", "-a", "run_id is '-a'; it must be 1 to 64 letters"),
        ("run_id", "a" * 65, "1 to 64 letters"),
        ("overhead", 0, "a number above 0 and up to 1"),
        ("overhead", float("nan"), "a number above 0 and up to 1"),
        ("overhead", True, "a number above 0 and up to 1"),
        ("xla_exact", "perhaps", "true or false"),
        ("allowance_seconds", -1, "a number of seconds, 0 or more"),
        ("task", "clustering", "one of auto, classification, multilabel, regression, gan, rl, ssl"),
        ("quiet", "plateau", "names of detectors"),
        ("quiet", ["No Such"], "names of detectors"),
        ("mode", "offline", "mode is 'offline', which is not there yet"),
        ("rank", 1.5, "a whole number, 0 or more"),
        ("world_size", 0, "a whole number, 1 or more"),
        ("token_file", 3, "the path of a file"),
    ],
)
def test_a_wrong_argument_raises_and_names_what_is_right(
    name: str, value: object, sentence: str
) -> None:
    """The user's own code is told at once."""
    with pytest.raises(ValueError, match=f"^{name} ") as raised:
        resolve({}, **{name: value})

    assert sentence in str(raised.value)


def test_a_setting_that_is_none_is_a_type_error() -> None:
    """As for any other call with a wrong keyword."""
    with pytest.raises(TypeError, match="there is no setting targt; there are target, name"):
        resolve({}, targt="a:1")


def test_a_token_stays_out_of_messages(tmp_path: Path) -> None:
    """A file that holds no usable token is named, its content is not."""
    token = tmp_path / "token"
    token.write_text("two\x07secrets")

    with pytest.raises(ValueError, match="one token in printable ASCII") as raised:
        resolve({}, token_file=token)
    assert "secrets" not in str(raised.value)


def test_run_ids_are_sayable_and_valid() -> None:
    """A made-up id is two words and four digits."""
    for _ in range(50):
        run_id = make_run_id()
        assert RUN_ID.fullmatch(run_id)
        assert len(run_id.split("-")) == 3


def tf_config(kind: str, index: int, **counts: int) -> str:
    cluster = {name: ["host:1"] * count for name, count in counts.items()}
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, (0, 1)),
        ({"RANK": "3", "WORLD_SIZE": "8"}, (3, 8)),
        ({"SLURM_PROCID": "1", "SLURM_NTASKS": "2"}, (1, 2)),
        ({"RANK": "3", "WORLD_SIZE": "8", "SLURM_PROCID": "1", "SLURM_NTASKS": "2"}, (3, 8)),
        ({"FLATLINE_RANK": "2", "RANK": "3", "WORLD_SIZE": "8"}, (2, 3)),
        ({"FLATLINE_RANK": "2", "FLATLINE_WORLD_SIZE": "4"}, (2, 4)),
        ({"RANK": "8", "WORLD_SIZE": "8"}, (0, 1)),
        ({"RANK": "x"}, (0, 1)),
        ({"TF_CONFIG": tf_config("worker", 1, worker=3)}, (1, 3)),
        ({"TF_CONFIG": tf_config("chief", 0, chief=1, worker=3)}, (0, 4)),
        ({"TF_CONFIG": tf_config("worker", 1, chief=1, worker=3)}, (2, 4)),
        ({"TF_CONFIG": tf_config("evaluator", 0, chief=1, worker=3)}, (4, 5)),
        ({"TF_CONFIG": "{}", "RANK": "1", "WORLD_SIZE": "2"}, (1, 2)),
        ({"TF_CONFIG": "not json"}, (0, 1)),
        ({"TF_CONFIG": "[]"}, (0, 1)),
    ],
)
def test_the_launcher_says_which_process_this_is(
    environ: dict[str, str], expected: tuple[int, int]
) -> None:
    """TensorFlow, torchrun, Slurm and our own variables, the last one first."""
    assert place(environ) == expected
