"""Private files are written into folders that do not exist yet: a new clone has no ``.local``."""

from pathlib import Path

from deploy.local import private_files


def test_the_folder_is_created(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    private_files.write_private(path, "text")
    assert path.read_text() == "text"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["secret"]
