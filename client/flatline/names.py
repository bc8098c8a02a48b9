"""Who this process is: a name for its run, and its place among the processes that train it."""

import getpass
import json
import re
import secrets
from collections.abc import Mapping

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_ADJECTIVES = """
    amber bold brave bright brisk calm clever coral crisp daring eager early fair fleet fond
    frank gentle glad golden grand happy hardy jolly keen kind light lively lucky lunar mellow
    merry mild misty modest neat noble patient plain plucky polar proud quick quiet rapid ready
    royal rustic sharp shy silent silver sleek smooth solar solid steady still stout sunny swift
    tidy vivid warm wise witty
""".split()  # noqa: SIM905 - as a list, one word a line
_NOUNS = """
    badger beaver bison bittern crane curlew deer dolphin dove eagle egret elk falcon ferret
    finch fox gannet goose grebe hare hawk heron hound ibis jackal jay kestrel kite lark lemur
    linnet lynx magpie marten merlin mole moose newt ocelot oriole osprey otter owl panda
    petrel plover puffin quail rabbit raven robin salmon seal shrew snipe sparrow stoat stork
    swallow swan tapir teal tern thrush trout turtle vole walrus weasel whale wombat wren yak
""".split()  # noqa: SIM905 - as a list, one word a line


def make_run_id() -> str:
    """Make up a run id that people can say, such as brave-otter-1a2b."""
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}-{secrets.token_hex(2)}"


def user() -> str:
    """Return who started this process, as the operating system says; empty if it does not."""
    try:
        return getpass.getuser()[:128]
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return ""


def place(environ: Mapping[str, str]) -> tuple[int, int]:
    """Return (rank, number of processes) as the launcher tells it in the environment.

    FLATLINE_RANK (with FLATLINE_WORLD_SIZE) is asked first, then TF_CONFIG, RANK and WORLD_SIZE,
    SLURM_PROCID and SLURM_NTASKS. What is not there or makes no sense counts as one process alone.
    """
    if "FLATLINE_RANK" in environ:
        own = _pair(environ, "FLATLINE_RANK", "FLATLINE_WORLD_SIZE")
        if own is not None:
            return own
    return (
        _from_tf_config(environ.get("TF_CONFIG", ""))
        or _pair(environ, "RANK", "WORLD_SIZE")
        or _pair(environ, "SLURM_PROCID", "SLURM_NTASKS")
        or (0, 1)
    )


def _pair(environ: Mapping[str, str], rank_name: str, size_name: str) -> tuple[int, int] | None:
    try:
        rank = int(environ[rank_name])
        size = int(environ.get(size_name, rank + 1))
    except (KeyError, ValueError):
        return None
    return (rank, size) if 0 <= rank < size else None


def _from_tf_config(text: str) -> tuple[int, int] | None:
    """Count the chief before the workers; a parameter server or evaluator comes after them."""
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        kind, index = task["type"], int(task["index"])
        chiefs = len(cluster.get("chief", ())) + len(cluster.get("master", ()))
        size = chiefs + len(cluster.get("worker", ()))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    first = {"chief": 0, "master": 0, "worker": chiefs}.get(kind, size)
    return (first + index, max(size, first + index + 1))
