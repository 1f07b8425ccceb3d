"""The version of jkoflow."""

VERSION = "0.2.0"
