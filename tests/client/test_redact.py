"""What an exception says leaves the machine short, and without what looks like a secret."""

import time

import pytest

from flatline.redact import MOST_BYTES, redacted, words_of

RANDOM = "Zm9vYmFyQmF6MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3A"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (
            "cannot open postgresql://bob:hunter2@db:5432/x",
            "cannot open postgresql://***@db:5432/x",
        ),
        ("my_api_key=abc123, port=80", "my_api_key=***, port=80"),
        ('{"token": "a b c"} refused', '{"token": ***} refused'),
        ("Authorization: Bearer abc.def-ghi", "Authorization: ***"),
        (f"HTTP 403 for {RANDOM}", "HTTP 403 for ***"),
        ("5f4dcc3b5aa765d61d8327deb882cf99 is no file", "*** is no file"),
        ("sk-proj-abcdefghijklmnop", "***"),
        ("/home/alice/x.npz, C:\\Users\\bob\\x", "/home/***/x.npz, C:\\Users\\***\\x"),
        ("\x1b[1mInput 0\x1b[0m\n of layer", "Input 0 of layer"),
        ('defined at (most recent call last):\n  File "/a/b.py", line 3, in f\n\nNo.', "No."),
        (
            "sequential_1/conv2d_3/Conv2D/ReadVariableOp_2 max_tokens=512",
            "sequential_1/conv2d_3/Conv2D/ReadVariableOp_2 max_tokens=512",
        ),
    ],
)
def test_secrets_are_taken_out_and_the_rest_is_kept(text: str, sent: str) -> None:
    """Credentials, tokens, keys, users and frames go; names of layers and sizes stay."""
    assert redacted(text) == sent


@pytest.mark.parametrize("text", ["é" * 9000, "a.b=" * 20_000, "token" * 9000, "-" * 50_000])
def test_a_long_text_is_cut_at_once(text: str) -> None:
    """The beginning and the end of it are kept, whatever it is made of."""
    began = time.monotonic()
    sent = redacted(f"begin {text} end")

    assert time.monotonic() - began < 1
    assert len(sent.encode()) <= MOST_BYTES
    assert (sent[:5], sent[-3:]) == ("begin", "end")


def test_an_exception_that_cannot_be_read_says_nothing() -> None:
    """Whatever its `__str__` does."""

    class Mute(Exception):  # noqa: N818 - it says nothing
        def __str__(self) -> str:
            raise RuntimeError

    assert words_of(Mute()) == ""
    assert words_of(None) == ""
