"""What is committed is the build of web/, and both catalogues of texts hold the same."""

import re
import subprocess

from .conftest import ROOT, WEB, texts


def test_the_committed_console_is_the_build_of_its_source() -> None:
    done = subprocess.run([ROOT / "scripts" / "web.sh", "--check"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_languages_have_every_text_and_use_the_same_values() -> None:
    said = {name: texts(name) for name in ("en", "ja")}
    values = {name: {key: _values(text) for key, text in catalogue.items()} for name, catalogue in said.items()}
    assert values["en"] == values["ja"]
    assert all(text.strip() for catalogue in said.values() for text in catalogue.values())
    # Each text is used: by its name, also as a section, or by a name that is put together from its first part.
    source = "".join(path.read_text() for path in (WEB / "src").rglob("*.ts*"))
    built = re.findall(r"`(?:\$\{LIST\[kind\]\}|(\w+))\.\$?\{?", source)
    unused = [
        key
        for key in said["en"]
        if f'"{key}"' not in source
        and f"  {key}: [" not in source
        and key.partition(".")[0] not in {*built, "users", "groups", "roles"}
    ]
    assert unused == []


def _values(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))
