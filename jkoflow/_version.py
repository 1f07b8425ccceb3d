"""The version of jkoflow."""

VERSION = "0.1.0"
