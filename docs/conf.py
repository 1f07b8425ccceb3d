"""Sphinx builds the site with this file: `make docs`."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path

import imageio_ffmpeg

import jkoflow

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

project = "jkoflow"
author = copyright = "The jkoflow developers"  # noqa: A001 - Sphinx asks for this name
version = release = jkoflow.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # ships MathJax with the site
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
    "sphinxcontrib.video",
    "api_pages",
    "docstrings",
    "lessons",
    "made_tables",
    "thumbnails",
]
exclude_patterns = [
    "_build",
    "**/GALLERY_HEADER.rst",
    "extensions",
    "paper",
    "reference/*_table.md",
    "reference/lessons.md",
    "sg_execution_times.rst",
    "**/sg_execution_times.rst",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
templates_path = ["_templates"]

# Pages in Markdown
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing", "ref.python"]  # links to files of the repository; tests/test_theory.py follows them

# The reference
ALIASES = ["Array", "Mask", "Indices", "Whole", "SpaceFunction", "Mobilities"]  # types.md spells them out
autodoc_type_aliases = {name: name for name in ALIASES}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
autosummary_generate = True
napoleon_use_rtype = False
napoleon_use_ivar = True
add_module_names = False

bibtex_bibfiles = ["../jkoflow/references.bib"]
bibtex_default_style = "plain"
bibtex_reference_style = "label"

# The gallery. Entries that did not change are not run again.
PROGRAMS = HERE / "_build" / "programs"  # entries run in processes of their own, which find ffmpeg on the path
PROGRAMS.mkdir(parents=True, exist_ok=True)
if not (PROGRAMS / "ffmpeg").exists():
    (PROGRAMS / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
os.environ["PATH"] = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
warnings.filterwarnings("ignore", message=".*is non-interactive, and thus cannot be shown")
logging.getLogger("matplotlib.animation").setLevel(logging.WARNING)
SUBJECTS = ["transport", "diffusion", "crowds", "species", "ions", "swarms", "cells", "open_worlds", "numerics"]
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "subsection_order": [f"../examples/{subject}" for subject in SUBJECTS],
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "backreferences",
    "doc_module": ("jkoflow",),
    "matplotlib_animations": (True, "mp4"),
    "capture_repr": (),
    "parallel": 2,
    "min_reported_time": 1,
    "show_signature": False,
    "abort_on_example_error": True,
    "first_notebook_cell": "%matplotlib inline\n# pip install jkoflow",
    "reset_modules": ("matplotlib",),
}

html_theme = "pydata_sphinx_theme"
html_title = "jkoflow"
html_static_path = ["_static"]
html_css_files = ["jkoflow.css"]
html_favicon = "_static/favicon.svg"
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "jkoflow"},
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "secondary_sidebar_items": {"**": ["page-toc"], "equations": [], "solvers": [], "others": []},  # wide tables
    "show_nav_level": 1,
    "navigation_with_keys": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 7,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"start": [], "index": []}
