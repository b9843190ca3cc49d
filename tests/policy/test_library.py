"""The engine as a library: what `import kansatsu` offers, that it is the standard library's only, and its page."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import kansatsu
from kansatsu import policy

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "library.md").read_text()
BLOCKS = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(code: str) -> str:
    """What the code prints in a Python without any package, even installed ones."""
    start = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\n"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", start + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_says_what_happens() -> None:
    blocks = BLOCKS.findall(PAGE)
    assert len(blocks) >= 6
    code = "".join(text for kind, text in blocks if kind == "python")
    assert run(code) == "".join(text for kind, text in blocks if kind == "text")


@pytest.mark.parametrize("use", ["", "kansatsu.evaluate", "kansatsu.MalformedPolicyDocument"])
def test_nothing_but_the_standard_library_is_imported(use: str) -> None:
    code = f"import sys, kansatsu\n{use}\nprint({{name.partition('.')[0] for name in sys.modules}} - "
    assert run(code + "set(sys.stdlib_module_names) - {'__main__', 'sitecustomize'})") == "{'kansatsu'}\n"


def test_the_engine_is_loaded_when_it_is_used() -> None:
    listing = "print(sorted(name for name in sys.modules if name.startswith('kansatsu.')))"
    assert run(f"import sys, kansatsu\nkansatsu.__version__\n{listing}") == "[]\n"


@pytest.mark.parametrize("name", sorted(set(kansatsu.__all__) - {"__version__"}))
def test_every_name_is_there(name: str) -> None:
    assert name in dir(kansatsu)
    found = getattr(kansatsu, name)
    assert found is getattr(policy, name, found)
    assert found is getattr(kansatsu, name)


def test_no_other_name_is() -> None:
    with pytest.raises(AttributeError, match="no attribute 'evaluated'"):
        _ = kansatsu.evaluated  # type: ignore[attr-defined]
