"""Tests of the documentation: links, language, the generated reference."""
