"""The main job and its bad inputs."""

import csv
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jkoflow import Entropic, command
from jkoflow.command import main

SMALL = ["--cells", "32", "--t-end", "0.01"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_sediment_flows_downhill(here, capsys):
    assert main(SMALL) == 0
    said = capsys.readouterr().out
    assert "30 x 32 cells" in said
    assert "every one solved" in said
    assert {p.name for p in (here / "out").iterdir()} >= {"density.png", "energy.png", "flow.gif", "steps.csv"}
    with (here / "out" / "steps.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    energies = [float(row["energy"]) for row in rows]
    assert all(np.diff(energies) < 0)
    assert all(row["status"] == "CONVERGED" for row in rows[1:])
    assert max(abs(float(row["mass error"])) for row in rows) < 1e-12


@pytest.mark.parametrize(
    "line", [[sys.executable, "-m", "jkoflow"], [Path(sysconfig.get_path("scripts")) / "jkoflow"]], ids=["module", "command"]
)
def test_the_module_and_the_command_run(line, here):
    result = subprocess.run([*line, "--help"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("usage: jkoflow ")
    assert "Jacksboro" in result.stdout
    result = subprocess.run([*line, "--cells", "0"], capture_output=True, text=True, check=False)
    assert result.returncode == 2  # the exit code is handed on


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_own_data_in_every_dimension(here, capsys, dim):
    x = np.linspace(-1, 1, 8)
    bowl = sum(np.meshgrid(*[x**2] * dim, indexing="ij"))
    np.save("bowl.npy", bowl)
    np.save("start.npy", np.ones([4] * dim))
    arguments = ["--potential", "bowl.npy", "--density", "start.npy", "--cells", "8", "--t-end", "0.004"]
    assert main([*arguments, "--energy", "0.1*entropy + 0.05*renyi:3", "--out", "mine"]) == 0
    assert (here / "mine" / "steps.csv").exists()
    assert " x ".join(["8"] * dim) + " cells" in capsys.readouterr().out


@pytest.mark.slow
def test_a_picture_and_another_solver(here, capsys):
    Image.fromarray(np.eye(12, dtype=np.uint8) * 255).save("cross.png")
    np.save("flat.npy", np.zeros((8, 8)))
    arguments = ["--potential", "flat.npy", "--density", "cross.png", "--cells", "8", "--t-end", "0.002"]
    assert main([*arguments, "--solver", "dynamic"]) == 0
    assert "ConvexDynamic" in capsys.readouterr().out
    assert main([*arguments, "--solver", "exact"]) == 0
    assert "BackAndForth" in capsys.readouterr().out


def test_a_step_that_is_not_solved_is_exit_code_one(here, capsys, monkeypatch):
    monkeypatch.setitem(command.SOLVERS, "entropic", lambda: Entropic(max_iterations=2))
    assert main([*SMALL, "--solver", "entropic"]) == 1
    captured = capsys.readouterr()
    assert "NOT every one solved" in captured.out
    assert "failed in step 1: the iteration limit was reached" in captured.err
    assert (here / "out" / "steps.csv").exists()  # what there is is kept


BAD = {
    "dt": (["--dt", "-1"], "--dt must be a positive finite number, got -1.0"),
    "dt nan": (["--dt", "nan"], "--dt must be a positive"),
    "t_end": (["--t-end", "0"], "--t-end must be a positive"),
    "cells": (["--cells", "0"], "--cells must be a whole number >= 1"),
    "missing density": (["--density", "none.png"], "there is none at 'none.png'"),
    "text for a picture": (["--density", "text.png"], "cannot be read"),
    "missing potential": (["--potential", "none.npy"], "--potential must be a .npy array"),
    "text for an array": (["--potential", "text.png"], "--potential must be a .npy array"),
    "objects": (["--potential", "objects.npy"], "cannot be read"),
    "strings": (["--potential", "strings.npy"], "real numbers"),
    "nan": (["--potential", "nan.npy"], "1 NaN or infinite of 16 entries"),
    "shape": (["--potential", "scalar.npy"], "1, 2 or 3 axes of at least 2 entries, got shape (1,)"),
    "negative density": (["--density", "negative.npy"], "--density must be non-negative, got -1"),
    "no mass": (["--density", "zero.npy"], "positive total"),
    "dimension": (["--density", "line.npy"], "the dimension of the landscape (2)"),
    "energy": (["--energy", "heat"], "--energy must join"),
    "renyi 1": (["--energy", "renyi:1"], "m must not be 1"),
    "renyi word": (["--energy", "renyi:two"], "M in --energy must be a positive finite number, got 'two'"),
    "negative factor": (["--energy=-2*entropy"], "the factor in --energy must be a positive"),
    "crowded": (["--energy", "congestion:0.5"], "must leave room for the mass"),
    "endless": (["--dt", "1e-300"], "dt must cut the time"),
    "flat": (["--potential", "flat.npy"], "--density must be given where the landscape is flat"),
    "refused": (["--energy", "entropy:2"], "--energy must join"),
    "sea": (["--potential", "sea.npy"], "--nodata -9999 keeps mass out of them"),
    "holes": (["--potential", "nan.npy"], "--nodata nan keeps mass out of them"),
    "no such value": (["--potential", "sea.npy", "--nodata", "70"], "--nodata 70 does not occur in the landscape"),
    "nodata word": (["--potential", "sea.npy", "--nodata", "sea"], "--nodata must be a number, nan or none"),
    "mass in the sea": (["--potential", "sea.npy", "--nodata", "-9999", "--density", "full.npy"], "must have no mass where"),
    "channels": (["--potential", "channels.npy"], "is a picture with channels"),
    "words in a table": (["--density", "words.csv"], "got 'north' in line 2"),
    "out is a file": (["--out", "text.png"], "File exists"),
}


def hostile_files(here):
    """Files that cannot be used, in a folder that is the current one."""
    (here / "text.png").write_text("hello")
    np.save("objects.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    np.save("strings.npy", np.array(["a", "b"]))
    values = np.ones((4, 4))
    values[1, 1] = np.nan
    np.save("nan.npy", values)
    np.save("flat.npy", np.zeros((4, 4)))
    sea = np.arange(16.0).reshape(4, 4)
    sea[0] = -9999.0
    np.save("sea.npy", sea)
    np.save("full.npy", np.ones((4, 4)))
    np.save("channels.npy", np.zeros((5, 5, 4), dtype=np.uint8))
    (here / "words.csv").write_text("x,y\nnorth,1\n")
    np.save("scalar.npy", np.ones(1))
    np.save("negative.npy", -np.ones((4, 4)))
    np.save("zero.npy", np.zeros((4, 4)))
    np.save("line.npy", np.ones(4))


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_sentence_and_exit_code_two(here, capsys, case):
    hostile_files(here)
    arguments, sentence = BAD[case]
    assert main([*SMALL, *arguments]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert captured.out == ""
    assert not (here / "out").exists()


def test_words_that_are_no_numbers_are_exit_code_two(here, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--dt", "fast"])
    assert stopped.value.code == 2
    assert "invalid float value: 'fast'" in capsys.readouterr().err


@pytest.mark.slow
def test_no_mass_goes_where_the_landscape_has_no_data(here, capsys):
    sea = np.add.outer(np.arange(8.0), np.arange(8.0))
    sea[:2] = -9999.0
    np.save("sea.npy", sea)
    assert main(["--potential", "sea.npy", "--nodata", "-9999", "--cells", "16", "--t-end", "0.004"]) == 0
    assert "every one solved" in capsys.readouterr().out
    Path("points.csv").write_text("x,y\n0.8,0.5\n0.7,0.25\n")
    line = ["--potential", "sea.npy", "--nodata", "-9999", "--cells", "16", "--density", "points.csv", "--t-end", "0.002"]
    assert main(line) == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_a_terminated_command_writes_what_there_is(here):
    line = [sys.executable, "-m", "jkoflow", "--cells", "48", "--t-end", "1000", "--solver", "exact"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        read = ""
        while "1step" not in read and " 2step" not in read and "3step" not in read:  # the bar has begun to count
            read += process.stderr.read(1)
        process.terminate()
        out, error = process.communicate(timeout=120)
    assert process.returncode == 1, error
    assert "interrupted" in out
    assert (here / "out" / "steps.csv").exists()
