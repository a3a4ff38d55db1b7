"""The same small task API as others would write it, one file each; what remains different is in ``bench/README.md``."""
