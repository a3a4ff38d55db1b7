"""The same small task API in other frameworks, one file each. ``bench/README.md`` lists the differences."""
