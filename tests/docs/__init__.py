"""The documentation: each code block of README.md and docs/ is executed or parsed."""
