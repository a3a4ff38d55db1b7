"""Tests of the documentation: code blocks, links, language, and the generated reference."""
