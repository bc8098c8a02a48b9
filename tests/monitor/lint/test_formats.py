"""Each format is known by what is in it, and becomes the same log."""

import json
import math
import struct
from pathlib import Path

import pytest

from flatline_monitor.lint import event_files
from flatline_monitor.lint.files import tables
from flatline_monitor.lint.gather import logs
from flatline_monitor.lint.log import Kind, LintError, Log
from flatline_monitor.lint.samples import validated

LOSSES = [0.9, 0.6, 0.5, 0.45]
VALIDATIONS = [0.8, 0.7, 0.65, 0.66]


def read(path: Path, content: str | bytes, columns: dict[str, str] | None = None) -> list[Log]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [log for table in tables(path) for log in logs(table, columns or {})]


def columns_of(log: Log):
    seen = [row.val_loss for row in log.rows if row.val_loss is not None]
    return [row.loss for row in log.trained], seen


def rows(header: str, lines) -> str:
    return "\n".join([header, *(",".join(map(str, line)) for line in lines)])


PAIRS = list(enumerate(zip(LOSSES, VALIDATIONS, strict=True)))
KERAS = rows(
    "epoch,accuracy,loss,val_accuracy,val_loss", [(i, 0.5, a, 0.5, b) for i, (a, b) in PAIRS]
)
TEXTS = {
    "Keras CSVLogger": KERAS,
    "CSV": rows("Epoch;Train Loss;Valid Loss", [(f"{i};{a};{b}",) for i, (a, b) in PAIRS]),
    "text": rows("# epoch train_loss test_loss", [(f"{i} {a} {b}",) for i, (a, b) in PAIRS]),
    "Keras History": json.dumps({"loss": LOSSES, "val_loss": VALIDATIONS, "lr": [0.1] * 4}),
    "Hugging Face": json.dumps(
        {
            "log_history": [
                *[
                    row
                    for i, (a, b) in PAIRS
                    for row in (
                        {"epoch": i + 1.0, "step": 50 * (i + 1), "loss": a, "grad_norm": 1.5},
                        {"epoch": i + 1.0, "step": 50 * (i + 1), "eval_loss": b},
                    )
                ],
                {"epoch": 4.0, "step": 200, "train_loss": 0.6, "train_runtime": 12.0},
            ]
        }
    ),
    "W&B": rows("_step,_runtime,train/loss,val/loss", [(i, 9, a, b) for i, (a, b) in PAIRS]),
    "MLflow": rows(
        "key,value,timestamp,step",
        [(name, x, 0, i) for i, (a, b) in PAIRS for name, x in (("loss", a), ("val_loss", b))],
    ),
    "JSON": "\n".join(
        json.dumps({"epoch": i, "train_loss": a, "test_loss": b}) for i, (a, b) in PAIRS
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_format_tells_the_same(name, tmp_path):
    """Epochs with their losses, whatever the file is called."""
    [log] = read(tmp_path / "anything.bin", TEXTS[name])

    assert log.format == name.replace("text", "CSV")
    assert columns_of(log) == (LOSSES, VALIDATIONS)
    assert log.kind is Kind.EPOCH
    assert [row.at for row in log.trained] == [1, 2, 3, 4]


def field(number: int, kind: int, content: bytes) -> bytes:
    size = bytes([len(content)]) if kind == 2 else b""
    return bytes([number << 3 | kind]) + size + content


def event(step: int, values: bytes) -> bytes:
    return field(1, 1, struct.pack("<d", 1.0)) + field(2, 0, bytes([step])) + field(5, 2, values)


def simple(tag: str, number: float) -> bytes:
    return field(1, 2, field(1, 2, tag.encode()) + field(2, 5, struct.pack("<f", number)))


def tensor(tag: str, number: float) -> bytes:
    content = field(1, 0, b"\1") + field(2, 2, b"") + field(4, 2, struct.pack("<f", number))
    return field(1, 2, field(1, 2, tag.encode()) + field(8, 2, content))


def framed(record: bytes) -> bytes:
    return struct.pack("<Q", len(record)) + bytes(4) + record + bytes(4)


def events(make, tag: str, numbers) -> bytes:
    first = field(1, 1, struct.pack("<d", 1.0)) + field(3, 2, b"brain.Event:2")
    return b"".join(map(framed, [first, *(event(i, make(tag, x)) for i, x in enumerate(numbers))]))


def test_event_files_are_read_with_both_kinds_of_scalars_and_a_torn_end(tmp_path):
    """Keras writes tensors, in a folder for each side; others write simple values in one file."""
    for side, numbers in (("train", LOSSES), ("validation", VALIDATIONS)):
        (tmp_path / side).mkdir()
        path = tmp_path / side / "events.out.tfevents.1.host.v2"
        path.write_bytes(events(tensor, "epoch_loss", [*numbers, 0.1])[:-7])
    (log,) = (log for table in tables(tmp_path) for log in logs(table, {}))
    both = events(simple, "Loss/train", LOSSES) + events(simple, "Loss/val", VALIDATIONS)
    [alone] = read(tmp_path / "one", both)

    for each in (log, alone):
        assert each.format == "TensorBoard"
        found = columns_of(each)
        assert found[0] == pytest.approx(LOSSES)
        assert found[1] == pytest.approx(VALIDATIONS)


def test_event_files_of_tensorflow_itself_are_read(tmp_path):
    """Its own writer is the reference."""
    import tensorflow as tf  # noqa: PLC0415 - it takes seconds

    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        for step, loss in enumerate(LOSSES):
            tf.summary.write("train/loss", tf.constant(loss), step=300 * step)
            tf.summary.write("note", tf.constant("no scalar"), step=300 * step)

    [path] = tmp_path.iterdir()
    assert [step for step, _ in event_files.scalars(path)["train/loss"]] == [0, 300, 600, 900]
    [log] = [log for table in tables(path) for log in logs(table, {})]
    assert (log.kind, log.row_steps) == (Kind.STEP, 300)


def test_several_runs_in_a_file_are_several_logs(tmp_path):
    """An export of W&B has a column for each, and two more for its extremes."""
    header = '"Step","a - train/loss","a - train/loss__MIN","a - train/loss__MAX","b - train/loss"'
    text = rows(header, [(50 * i, x, x, x, "" if i else 2 * x) for i, x in enumerate(LOSSES)])
    again = KERAS + "\n" + KERAS.partition("\n")[2]

    runs = read(tmp_path / "wandb.csv", text)
    parts = read(tmp_path / "append.csv", again)

    assert [log.name.rpartition("/")[2] for log in runs] == ["wandb.csv[a]", "wandb.csv[b]"]
    assert [len(log.trained) for log in runs] == [4, 1]
    assert [len(log.trained) for log in parts] == [4, 4]


def test_a_restart_from_a_checkpoint_goes_on_from_there(tmp_path):
    """The later rows count, once."""
    text = rows("step,loss", [(10, 3), (20, 2), (30, 1.5), (20, 1.9), (30, 1.4), (40, 1)])

    [log] = read(tmp_path / "log", text)

    assert [(row.at, row.loss) for row in log.rows] == [(10, 3), (20, 1.9), (30, 1.4), (40, 1)]


def test_an_empty_cell_is_absent_and_nan_is_a_loss(tmp_path):
    """A nan that comes and goes again and again is a hole in a table, one that stays is none."""
    holes = rows("step,loss,val_loss", [(i, 1 / (i + 1) if i % 2 else "nan", "") for i in range(9)])
    broken = rows("step,loss", [(i, 1 / (i + 1) if i < 5 else "nan") for i in range(9)])

    [filled], [bad] = read(tmp_path / "a", holes), read(tmp_path / "b", broken)

    assert len(filled.trained) == 4
    assert sum(math.isnan(row.loss or 0) for row in bad.trained) == 4


def test_columns_can_be_named(tmp_path):
    """By what they are; whatever is not named goes by its name."""
    text = rows("n,objective_a,objective_b", [(7 * i, a, b) for i, (a, b) in PAIRS])
    named = {"loss": "objective_a", "val_loss": "objective_b", "step": "n"}

    [log] = read(tmp_path / "log", text, named)

    assert columns_of(log) == (LOSSES, VALIDATIONS)
    assert log.row_steps == 7
    with pytest.raises(LintError, match="has no column nonsense; it has n, objective_a"):
        read(tmp_path / "log", text, {"loss": "nonsense"})


def test_percents_are_shares_and_shares_of_n_tell_n(tmp_path):
    """An accuracy of 85.5 is 0.855; accuracies that are all 250ths are of 250 samples."""
    shares = [0.812, 0.844, 0.852, 0.868]
    text = rows("epoch,loss,val_acc", [(i, a, 100 * shares[i]) for i, (a, _) in PAIRS])

    [log] = read(tmp_path / "log", text)

    assert [row.val_accuracy for row in log.rows] == pytest.approx(shares)
    assert validated(log) == 250


def test_a_metric_without_a_side_is_the_validation_s_beside_a_training_loss(tmp_path):
    """As fastai writes it; Keras names the validation's, and the training's not."""
    text = rows("epoch,train_loss,valid_loss,accuracy", [(i, a, b, 0.8) for i, (a, b) in PAIRS])

    [fastai], [keras] = read(tmp_path / "a", text), read(tmp_path / "b", KERAS)

    assert [(row.accuracy, row.val_accuracy) for row in fastai.rows] == [(None, 0.8)] * 4
    assert [(row.accuracy, row.val_accuracy) for row in keras.rows] == [(0.5, 0.5)] * 4


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty"),
        ("all work and no play", "is text without a table of numbers"),
        ("1,2\n3,4", "has no names above its columns"),
        ("epoch,fun\n1,2", "no column that is a training loss by its name; it has epoch, fun"),
        ('{"a": 1}', r"is JSON without a log in it \(it holds a\)"),
        ("[1, 2", "begins like JSON and is none"),
        (b"\x89PNG\0\1\2\xff\xfe", "is neither text nor an event file; a log is Keras CSVLogger"),
    ],
)
def test_what_is_no_log_is_refused_with_a_sentence(content, sentence, tmp_path):
    """It says what was found, and what there is."""
    with pytest.raises(LintError, match=sentence):
        read(tmp_path / "log", content)
