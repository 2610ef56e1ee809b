"""Every row of the table of formats: through the library, on the command line, into a file."""

import pytest

import einderiv as ed
from einderiv.cli import STYLED, main
from einderiv.printing import Derivation
from einderiv.reports import FORMATS

COMMAND = ["derive", "ij,j->i", "--wrt", "B"]


@pytest.mark.parametrize("name", FORMATS)
def test_the_example_of_every_format(name, capsys, tmp_path):
    y = ed.einsum("ij,j->i")
    row = FORMATS[name]
    given = Derivation(y, "B", ed.derive(y, "B"))
    assert row.example in row.write(given)

    # the command line writes lines for a terminal
    given = given._replace(width=80)
    command = [*COMMAND, "--format", name]
    if name in STYLED:
        command += ["--style", "index"]
    assert main(command) == 0
    assert capsys.readouterr().out == row.write(given) + "\n"

    file = tmp_path / "J"
    assert main([*command, "--output", str(file)]) == 0
    in_file = (row.write_file or row.write)(given) + "\n"
    assert file.read_text(encoding="utf-8") == in_file
    assert row.example in in_file


def test_the_help_says_what_every_format_shows(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["derive", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for name, row in FORMATS.items():
        assert f"{name}: {row.about}" in shown
