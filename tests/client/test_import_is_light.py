"""`import flatline` costs a program next to nothing."""

import subprocess
import sys


def run(code: str) -> str:
    """Run code in a fresh interpreter; return what it printed."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def test_importing_flatline_loads_nothing_heavy() -> None:
    """TensorFlow, grpc, protobuf and numpy wait until something is used."""
    heavy = "{'tensorflow', 'keras', 'grpc', 'google.protobuf', 'numpy', 'logging', 'asyncio'}"
    code = f"import sys, flatline; flatline.__version__; print({heavy} & set(sys.modules))"

    assert run(code) == "set()\n"


def test_run_is_there_when_it_is_asked_for() -> None:
    """The first use of flatline.Run loads it, and still no TensorFlow."""
    code = "import sys, flatline; print(flatline.Run.__name__, 'tensorflow' in sys.modules)"

    assert run(code) == "Run False\n"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """The message says which names there are."""
    code = "import flatline\ntry: flatline.run_\nexcept AttributeError as error: print(error)"

    assert "no attribute 'run_'; it has Run, keras" in run(code)
