"""The course and the explorer: exercises judge, lessons run, a script makes the same flow."""

from __future__ import annotations

import importlib
import io

import numpy as np
import pytest
from PIL import Image

import jkoflow as jf
from jkoflow.command import main
from jkoflow.course import LESSONS
from jkoflow.explore import ENERGIES, LANDSCAPES, LARGEST_UPLOAD, Setting, array_of

EXERCISES = [
    pytest.param(exercise, solution, id=f"{lesson.number}: {exercise.title}")
    for lesson in LESSONS
    for exercise, solution in zip(lesson.exercises, lesson.solutions, strict=True)
]


def test_there_are_ten_lessons_with_exercises():
    assert [lesson.number for lesson in LESSONS] == list(range(1, 11))
    assert all(len(lesson.exercises) >= 3 for lesson in LESSONS)


@pytest.mark.parametrize(("exercise", "solution"), EXERCISES)
def test_a_check_passes_on_the_solution_and_fails_on_the_empty_one(exercise, solution):
    assert exercise.judged(solution) == (True, "Solved.")
    for answer in (exercise.start, ""):
        verdict = exercise.judged(answer)
        assert not verdict.solved
        assert len(verdict.message.split()) > 3, verdict.message
    assert "ZeroDivisionError" in exercise.judged("1 / 0").message


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_lesson_runs(lesson):
    pytest.importorskip("marimo")
    app = importlib.import_module(f"jkoflow.course.lessons.{lesson.path.stem}").app
    assert app._config.app_title == f"Lesson {lesson.number}. {lesson.title}"
    outputs, names = app.run()
    assert names["lesson"] is lesson
    assert sum("<img" in getattr(output, "text", "") for output in outputs) >= 2


@pytest.mark.parametrize("energy", ENERGIES)
def test_the_script_of_the_explorer_makes_its_flow(energy):
    rng = np.random.default_rng(0)
    for landscape in (*LANDSCAPES, rng.random((12, 12))):
        setting = Setting(rng.random((12, 12)), landscape, energy, 0.05, 0.02, 0.06)
        space: dict[str, object] = {"__name__": "script"}
        exec(setting.script(), space)
        assert np.array_equal(space["flow"].final.values, setting.flow().final.values)
        assert space["flow"].ok


def test_uploads_are_bounded_and_read(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((6, 4)))
    assert array_of("a.npy", (tmp_path / "a.npy").read_bytes(), 8).shape == (8, 8)
    np.save(tmp_path / "b.npy", np.array([object()]), allow_pickle=True)
    for name, content in (
        ("a.npy", b"x" * (LARGEST_UPLOAD + 1)),
        ("a.npy", b"no array"),
        ("b.npy", (tmp_path / "b.npy").read_bytes()),
        ("c.png", b"no picture"),
        ("d.npy", _npy(np.array([[1.0, np.nan], [0.0, 1.0]]))),
        ("d.npy", _npy(np.ones(4))),
        ("d.npy", _npy(np.ones((2, 2), complex))),
        ("d.npy", _npy(np.ones((6, 4)))[:-8]),
        ("large.npy", _header((100_000, 100_000))),
        ("large.png", _png((10_000, 10_000))),
    ):
        with pytest.raises(ValueError, match=f"{name} must"):
            array_of(name, content, 8)
    for unit in (1e-300, 1.0, 1e300):
        assert array_of("A.NPY", _npy(unit * np.eye(4)), 4).max() == 1.0
    assert array_of("e.png", _png((40, 30)), 8).shape == (8, 8)


def _npy(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def _header(shape):
    """A .npy file that says more than it holds."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue()


def _png(size):
    file = io.BytesIO()
    Image.new("L", size).save(file, "png")
    return file.getvalue()


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x"])
def test_a_port_that_cannot_be_is_refused(port, capsys):
    with pytest.raises(SystemExit):
        main(["explore", "--port", port])
    assert "whole number from 1 to 65535" in capsys.readouterr().err


def test_the_command_lists_lessons_and_refuses_others(capsys):
    assert main(["course"]) == 0
    assert "10  Chemotaxis" in capsys.readouterr().out
    assert main(["course", "11"]) == 2
    assert "from 1 to 10" in capsys.readouterr().err


def test_citation_names_what_a_run_used_and_no_more():
    rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    law = jf.Entropy() + jf.Congestion(4.0)
    text = jf.citation(jf.evolve(law, rho, scheme=jf.JKO(jf.FiniteVolume()), dt=0.1, t_end=0.1))
    for key in ("JordanKinderlehrerOtto1998", "ScharfetterGummel1969", "MauryRoudneffSantambrogio2010"):
        assert f"{{{key}," in text
    assert "Peyre2015" not in text
    assert "JacobsLeger2020" not in text
    split = jf.evolve(jf.Entropy() + jf.Growth(0.1), rho, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.1)
    assert "{Strang1968," in jf.citation(split)
    assert jf.citation().count("@") == 1
    with pytest.raises(ValueError, match="flow must be a Trajectory"):
        jf.citation(rho)
